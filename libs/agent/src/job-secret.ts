/** Secret outputs of a job on their way out: sealed to the run's key, or left behind with a word about it. */
import { safeError, sealRunOutput } from '@waybill/process';
import { parseWireJobId, type wire } from '@waybill/protocol';

export type SealedOutputs = Readonly<{
  sealed: NonNullable<wire.JobStatus['secretOutputs']>;
  /** What could not be sealed, and why, for the job's log. */
  problems: readonly string[];
}>;

export async function sealOutputs(
  outputs: Readonly<Record<string, string>>,
  { runId, jobId, runPublicKey }: wire.JobDispatch,
): Promise<SealedOutputs> {
  const names = Object.keys(outputs);
  if (names.length === 0) return { sealed: {}, problems: [] };
  if (runPublicKey === undefined)
    return { sealed: {}, problems: ['Secret outputs are not handed on: this run has no key'] };
  // Whoever opens it knows the job, not which attempt at it was the one.
  const job = parseWireJobId(jobId)?.jobId ?? jobId;
  const sealed: Record<string, wire.EncryptedOutput> = {};
  const problems: string[] = [];
  for (const [name, plain] of Object.entries(outputs)) {
    try {
      sealed[name] = await sealRunOutput(runPublicKey, { runId, jobId: job, name }, plain);
    } catch (error) {
      problems.push(`The secret output "${name}" is not handed on: ${safeError(error).message}`);
    }
  }
  return { sealed, problems };
}
