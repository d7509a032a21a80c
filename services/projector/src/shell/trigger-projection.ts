/** WB_TRIGGERS into triggers. The row is the whole state of a trigger: a batch goes on from what the table has. */
import { refuseNewer } from '@waybill/journal';
import type { Logger } from '@waybill/process';
import { readTriggerMessage, type TriggerEvent } from '@waybill/protocol';
import { type Poison, unknownSubject } from '../domain/poison.ts';
import { evolveTriggerRow } from '../domain/trigger-row.ts';
import { noRecords, type Projection } from './projection.ts';
import { readRows, rowKey, writeRows } from './row-writer.ts';

export const openTriggerProjection = ({ log }: Readonly<{ log: Logger }>): Projection => ({
  stream: 'WB_TRIGGERS',
  project: async (tx, messages) => {
    const poison: Poison[] = [];
    const events: TriggerEvent[] = [];
    for (const message of messages) {
      const event = readTriggerMessage(message);
      if (event?.type === 'unreadable') refuseNewer(message, event.problem, log);
      if (event === undefined || event.type === 'unreadable')
        poison.push({ message, problem: event?.problem ?? unknownSubject });
      else events.push(event);
    }
    const keys = events.map(placeOf);
    const rows = await readRows(tx, 'triggers', keys);
    for (const [index, event] of events.entries()) {
      const key = rowKey('triggers', keys[index] ?? {});
      const row = evolveTriggerRow(rows.get(key), event);
      if (row !== undefined) rows.set(key, row);
    }
    const count = await writeRows(tx, 'triggers', [...rows.values()]);
    return { rows: count, poison, records: noRecords, keep: () => undefined };
  },
});

const placeOf = ({ org, source, triggerId }: TriggerEvent) => ({
  org,
  source,
  trigger_id: triggerId,
});
