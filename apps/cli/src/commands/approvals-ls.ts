/** `waybill approvals ls`: what people are asked, newest first. */
import { systemClock } from '@waybill/process';
import { z } from 'zod';
import { connect } from '../connection.ts';
import { Approval } from '../http/answer.ts';
import { listAll } from '../http/list-all.ts';
import type { Command } from '../invocation.ts';
import { parseOptions } from '../invocation.ts';
import { approversText, votesText } from '../text/approval-text.ts';
import { table } from '../text/table.ts';
import { untilText, whenText } from '../text/time-text.ts';

const Options = z.object({
  state: z.string(),
  run: z.string().optional(),
});

export const approvalsLs: Command = async (invocation) => {
  const { terminal } = invocation;
  const { state, run } = parseOptions(Options, invocation);
  const { client, print } = await connect(invocation);
  const query = { state: state === 'all' ? undefined : state, runId: run };
  const { answer, items } = await listAll(client, '/approvals', Approval, query);
  print(answer, () => {
    if (items.length === 0) terminal.err(state === 'open' ? 'nobody is asked\n' : 'no approvals\n');
    const nowMs = systemClock.now();
    const rows = items.map((each) => [
      each.id,
      each.state,
      [each.workflow ?? '', each.jobName ?? each.jobId, each.stepName ?? '']
        .filter((part) => part !== '')
        .join(' / '),
      each.reason === '' ? '-' : each.reason,
      approversText(each),
      votesText(each),
      each.state === 'open'
        ? untilText(each.expiresAt, nowMs, terminal.live)
        : whenText(each.resolvedAt, nowMs, terminal.live),
    ]);
    return items.length === 0
      ? ''
      : table(['APPROVAL', 'STATE', 'OF', 'REASON', 'BY', 'SAID', 'UNTIL'], rows, {
          width: terminal.live ? terminal.width : undefined,
        });
  });
  return 0;
};
