/** `waybill trigger`: one trigger, stored when it is answered. Its data is sent as it was written. */
import { randomUUID } from 'node:crypto';
import { systemClock } from '@waybill/process';
import { z } from 'zod';
import { connect } from '../connection.ts';
import { answerAs, Triggered } from '../http/answer.ts';
import type { Client } from '../http/client.ts';
import { checkedJson, readInput } from '../input-file.ts';
import type { Command } from '../invocation.ts';
import { parseOptions } from '../invocation.ts';
import { printable } from '../terminal.ts';

const Options = z.object({
  source: z.string().min(1),
  type: z.string().min(1),
  id: z.string().min(1).optional(),
  data: z.string(),
});

const Decided = z.looseObject({
  decision: z.string().nullable(),
  runs: z.array(
    z.looseObject({ rule: z.looseObject({ name: z.string() }).nullable(), runId: z.string() }),
  ),
});

/** It is stored, so this is only a courtesy: whoever decides usually takes some milliseconds. */
async function decisionOf(
  client: Client,
  triggerId: string,
): Promise<Pick<z.infer<typeof Triggered>, 'decision' | 'runs'>> {
  const endsAtMs = systemClock.monotonicMs() + decisionMs;
  for (;;) {
    const { decision, runs } = answerAs(
      Decided,
      await client.get(client.inOrg(`/triggers/${triggerId}`)),
    );
    const isLate = systemClock.monotonicMs() > endsAtMs;
    if (decision !== null || isLate)
      return {
        decision,
        runs: runs.map(({ rule, runId }) => ({ rule: rule?.name ?? null, runId })),
      };
    await systemClock.sleep(pollMs);
  }
}

const decisionMs = 2_000;
const pollMs = 25;

export const trigger: Command = async (invocation) => {
  const { source, type, id, data } = parseOptions(Options, invocation);
  const text = data.startsWith('@') ? await readInput(data.slice(1), invocation.terminal) : data;
  const { client, print } = await connect(invocation);
  const about = { source, type, id: id ?? `cli:${randomUUID()}` };
  const content = `${JSON.stringify(about).slice(0, -1)},"data":${checkedJson(text, '--data')}}`;
  const stored = answerAs(
    Triggered,
    await client.post(client.inOrg('/triggers'), { body: { type: 'application/json', content } }),
  );
  const answer =
    stored.decision === null
      ? { ...stored, ...(await decisionOf(client, stored.triggerId)) }
      : stored;
  print(answer, () => {
    const { triggerId, duplicate, decision, runs } = answer;
    const lines = [
      `trigger ${triggerId}${duplicate ? ' (a repeat: this is what became of the original)' : ''}`,
      `decision ${decision ?? 'not yet'}`,
      ...runs.map(({ rule, runId }) => `run ${runId}${rule === null ? '' : ` by rule ${rule}`}`),
    ];
    return `${lines.map(printable).join('\n')}\n`;
  });
  return 0;
};
