/** `waybill rules ls`: rules in their latest generation. */
import { systemClock } from '@waybill/process';
import { connect } from '../connection.ts';
import { RuleRow } from '../http/answer.ts';
import { listAll } from '../http/list-all.ts';
import type { Command } from '../invocation.ts';
import { table } from '../text/table.ts';
import { whenText } from '../text/time-text.ts';

export const rulesLs: Command = async (invocation) => {
  const { terminal } = invocation;
  const { client, print } = await connect(invocation);
  const { answer, items } = await listAll(client, '/rules', RuleRow);
  print(answer, () => {
    if (items.length === 0)
      terminal.err('no rules; add one with `waybill rules apply examples/rules`\n');
    const nowMs = systemClock.now();
    const rows = items.map((rule) => [
      rule.name,
      String(rule.generation),
      rule.source,
      rule.event ?? 'any',
      rule.workflow ?? '-',
      whenText(rule.appliedAt, nowMs, terminal.live),
    ]);
    return items.length === 0
      ? ''
      : table(['RULE', 'GENERATION', 'SOURCE', 'EVENT', 'WORKFLOW', 'APPLIED'], rows);
  });
  return 0;
};
