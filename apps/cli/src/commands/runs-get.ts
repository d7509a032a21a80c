/** `waybill runs get <runId>`: one run, now or as it stood at a sequence or a time. */
import { systemClock } from '@waybill/process';
import { z } from 'zod';
import { connect } from '../connection.ts';
import { answerAs, Run } from '../http/answer.ts';
import type { Command } from '../invocation.ts';
import { parseOptions } from '../invocation.ts';
import { runText } from '../text/run-text.ts';

const Options = z.object({
  atSeq: z
    .string()
    .regex(/^\d{1,15}$/, 'must be a sequence of WB_RUNS, a whole number')
    .optional(),
  at: z
    .string()
    .refine(
      (text) => !Number.isNaN(Date.parse(text)),
      'must be a time such as 2026-01-31T12:00:00Z',
    )
    .optional(),
});

export const runsGet: Command = async (invocation) => {
  const { atSeq, at } = parseOptions(Options, invocation);
  const { client, print } = await connect(invocation);
  const runId = encodeURIComponent(invocation.args[0] ?? '');
  const answer = await client.get(client.inOrg(`/runs/${runId}`), { atSeq, at });
  print(answer, () =>
    runText(answerAs(Run, answer), { ...invocation.terminal, nowMs: systemClock.now() }),
  );
  return 0;
};
