/** WB_CONFIG into rules: the latest generation of each. */
import { refuseNewer } from '@waybill/journal';
import type { Logger } from '@waybill/process';
import { isUnreadable } from '@waybill/protocol';
import type { Poison } from '../domain/poison.ts';
import { type RuleRow, readRule } from '../domain/rule-row.ts';
import { noRecords, type Projection } from './projection.ts';
import { writeRows } from './row-writer.ts';

export const openRuleProjection = ({ log }: Readonly<{ log: Logger }>): Projection => ({
  stream: 'WB_CONFIG',
  project: async (tx, messages) => {
    const poison: Poison[] = [];
    const rows: RuleRow[] = [];
    for (const message of messages) {
      const read = readRule(message);
      if (isUnreadable(read)) {
        refuseNewer(message, read, log);
        poison.push({ message, problem: read });
      } else rows.push(read);
    }
    const count = await writeRows(tx, 'rules', rows);
    return { rows: count, poison, records: noRecords, keep: () => undefined };
  },
});
