/**
 * What a lost or a new socket means to the jobs of its agent, judged on the folded run. The facts that follow are appended to
 * the run, where the fold judges them once more.
 */
import { currentAttempt, isHeld, type Job, wireJobId } from '@waybill/protocol';

type Who = Readonly<{ agentId: string; session: number }>;

/** The attempt that the agent has in hand according to the run, on a socket other than `session`. */
function heldBefore(
  job: Job,
  who: Who,
): NonNullable<ReturnType<typeof currentAttempt>> | undefined {
  const current = currentAttempt(job);
  if (current === undefined || !isHeld(job) || current.agentId !== who.agentId) return undefined;
  return current.session < who.session ? current : undefined;
}

export type Return = Readonly<{
  fact: 'agent.resumed' | 'agent.absent';
  attempt: number;
  previousSession: number;
}>;

/**
 * The agent is back on a newer socket. `named`: the wire ids of its `inFlightJobs` and of frames that it sent before its
 * registration was done, among them results of jobs that are no longer in flight.
 */
export function onReturn(job: Job, who: Who, named: ReadonlySet<string>): Return | undefined {
  const current = heldBefore(job, who);
  if (current === undefined) return undefined;
  const isNamed = named.has(wireJobId(job.spec.jobId, current.attempt));
  return {
    fact: isNamed ? 'agent.resumed' : 'agent.absent',
    attempt: current.attempt,
    previousSession: current.session,
  };
}

/** The attempt that was on a socket which is gone; undefined where the run has moved on. */
export function onLoss(job: Job, who: Who): number | undefined {
  const current = currentAttempt(job);
  if (current === undefined || !isHeld(job) || current.away) return undefined;
  return current.agentId === who.agentId && current.session === who.session
    ? current.attempt
    : undefined;
}

/** Whether the agent has the job in hand, on whichever socket. */
export const isInHand = (job: Job, agentId: string): boolean =>
  isHeld(job) && currentAttempt(job)?.agentId === agentId;
