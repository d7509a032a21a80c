/** `waybill agents drain <agentId>`: no more work for it, or work again with `--off`. What it has goes on; `--wait` waits for that. */
import { systemClock } from '@waybill/process';
import { z } from 'zod';
import { connect } from '../connection.ts';
import { Agent, answerAs } from '../http/answer.ts';
import { listAll } from '../http/list-all.ts';
import type { Command } from '../invocation.ts';
import { parseOptions } from '../invocation.ts';
import { printable } from '../terminal.ts';

const Options = z.object({ off: z.boolean().optional(), wait: z.boolean().optional() });
const Drained = z.looseObject({
  agentId: z.string(),
  draining: z.boolean(),
  activeJobs: z.number(),
});
const POLL_MS = 1_000;

export const agentsDrain: Command = async (invocation) => {
  const { off = false, wait = false } = parseOptions(Options, invocation);
  const { client, print } = await connect(invocation);
  const agentId = invocation.args[0] ?? '';
  const path = client.inOrg(`/agents/${encodeURIComponent(agentId)}/drain`);
  const body = { type: 'application/json', content: '{}' };
  const answer = off ? await client.delete(path) : await client.put(path, { body });
  const drained = answerAs(Drained, answer);
  let left = wait && !off ? drained.activeJobs : 0;
  while (left > 0) {
    await systemClock.sleep(POLL_MS);
    const { items } = await listAll(client, '/agents', Agent);
    left = items.find((agent) => agent.agentId === agentId)?.activeJobs ?? 0;
  }
  print(answer, () => {
    if (off) return `agent ${printable(agentId)} gets work again\n`;
    const rest = wait || drained.activeJobs === 0 ? '' : `; ${drained.activeJobs} at work go on`;
    return `agent ${printable(agentId)} gets no more work${rest}\n`;
  });
  return 0;
};
