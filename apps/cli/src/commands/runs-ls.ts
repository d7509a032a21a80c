/** `waybill runs ls`: runs, newest first. */
import { systemClock } from '@waybill/process';
import { z } from 'zod';
import { connect } from '../connection.ts';
import { answerAs, pageOf, type RunSummary, RunSummary as Summary } from '../http/answer.ts';
import type { Command } from '../invocation.ts';
import { parseOptions } from '../invocation.ts';
import { table } from '../text/table.ts';
import { durationText, whenText } from '../text/time-text.ts';

const Options = z.object({
  state: z.string().optional(),
  limit: z
    .string()
    .refine(
      (text) => /^\d{1,3}$/.test(text) && Number(text) >= 1 && Number(text) <= 200,
      'must be a whole number from 1 to 200',
    ),
  cursor: z.string().optional(),
});

export const runsLs: Command = async (invocation) => {
  const { terminal } = invocation;
  const query = parseOptions(Options, invocation);
  const { client, print } = await connect(invocation);
  const answer = await client.get(client.inOrg('/runs'), query);
  print(answer, () => {
    const { items, next } = answerAs(pageOf(Summary), answer);
    if (items.length === 0) terminal.err('no runs\n');
    if (next !== null) terminal.err(`more with --cursor ${next}\n`);
    const nowMs = systemClock.now();
    const rows = items.map((run) => rowOf(run, (at) => whenText(at, nowMs, terminal.live)));
    return items.length === 0
      ? ''
      : table(['RUN', 'STATE', 'WORKFLOW', 'TRIGGER', 'REF', 'CREATED', 'TOOK'], rows, {
          width: terminal.live ? terminal.width : undefined,
        });
  });
  return 0;
};

const rowOf = (run: RunSummary, when: (at: string | null) => string): readonly string[] => [
  run.runId,
  run.state,
  run.workflow ?? '-',
  run.trigger === null ? '-' : `${run.trigger.source} ${run.trigger.event}`,
  [run.ref ?? '', (run.sha ?? '').slice(0, 7)].filter((part) => part !== '').join(' ') || '-',
  when(run.createdAt),
  run.durationMs === null ? '-' : durationText(run.durationMs),
];
