/** `waybill agents drain <agentId>`: no more work for it, or work again with `--off`. What it has goes on; `--wait` waits for that. */
import { systemClock } from '@waybill/process';
import { z } from 'zod';
import { CliError, exits } from '../cli-error.ts';
import { connect } from '../connection.ts';
import { Agent, answerAs } from '../http/answer.ts';
import { listAll } from '../http/list-all.ts';
import { ProblemError } from '../http/problem.ts';
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
  const asked = off ? client.delete(path) : client.put(path, { body });
  const answer = await asked.catch((error: unknown) => {
    throw error instanceof ProblemError && error.status === 404 ? unknownAgent(agentId) : error;
  });
  const drained = answerAs(Drained, answer);
  let left = wait && !off ? drained.activeJobs : 0;
  while (left > 0) {
    await systemClock.sleep(POLL_MS);
    const { items } = await listAll(client, '/agents', Agent);
    left = items.find((agent) => agent.agentId === agentId)?.activeJobs ?? 0;
  }
  print(answer, () => {
    if (off) return `agent ${printable(agentId)} gets work again\n`;
    const jobs = drained.activeJobs;
    const rest = wait ? '; none is left' : jobs === 0 ? '' : `; ${jobs} at work go on`;
    return `agent ${printable(agentId)} gets no more work until \`--off\`${rest}\n`;
  });
  return 0;
};

const unknownAgent = (agentId: string): CliError =>
  new CliError(
    exits.failure,
    `no agent ${printable(agentId)} is known here: \`waybill agents ls\` lists those that are`,
  );
