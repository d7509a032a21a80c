/** A job that was run to its end, and what was said of it. */
import { fail } from '../check.ts';
import type { RecordedFrame } from '../recorded-frame.ts';
import type { AgentTrial, SentJob } from './agent-trial.ts';

/** Part of the dispatch of the job `settings`; must never come back. */
export const secretValue = 'kit-secret-value-0123456789';

export async function done(
  trial: AgentTrial,
  name: Parameters<AgentTrial['taken']>[0],
  state: string,
): Promise<SentJob> {
  const job = await trial.taken(name);
  const status = await trial.ended(job);
  if (status.fields['state'] !== state) fail(`the job ended otherwise than \`${state}\``, status);
  return job;
}

export const ofType = (trial: AgentTrial, job: SentJob, type: string): readonly RecordedFrame[] =>
  trial.about(job).filter((frame) => frame.type === type);
