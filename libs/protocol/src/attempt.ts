/** One offer of a job to one session of an agent, how it was resolved, and what became of the work. Immutable: a change is another value. */
import type { AttemptReason, JobOffered, StopReason } from './decision-body.ts';
import type { JobState } from './states.ts';
import type { Step } from './step.ts';

export type Resolution = 'accepted' | 'rejected' | 'expired' | 'withdrawn';

/** The agent was told to stop. */
export type Stop = Readonly<{
  reason: StopReason;
  /** What the job ends as, unless its agent says that it had ended otherwise. */
  outcome: 'cancelled' | 'failed';
  askedAt: number;
  /** When the next step is taken: force, then giving up. */
  until: number;
  force: boolean;
}>;

export type Attempt = Readonly<{
  attempt: number;
  fence: number;
  agentId: string;
  /** Moves when the agent returns with the job in its `inFlightJobs`. */
  session: number;
  reason: AttemptReason;
  room: 'assumed' | 'reported';
  offeredAt: number;
  /** How long its offer gave for an answer; an extension moves `until` alone. */
  ackTimeoutMs: number;
  /** An offer may expire only after this server time. */
  until: number;
  resolution: Resolution | null;
  /** Why it was rejected, expired, withdrawn or ended: `busy`, `ack_timeout`, `agent_lost` … */
  cause: string | null;
  resolvedAt: number | null;
  /** The agent's last fact in the run. Heartbeats lie in a stream of their own. */
  heardAt: number | null;
  /** Set while the socket of the session is gone. */
  away: boolean;
  recoverUntil: number | null;
  startedAt: number | null;
  stop: Stop | null;
  /** Since when it waits for approval: its wall clock stands still meanwhile. */
  waitingSince: number | null;
  waitedMs: number;
  endedAt: number | null;
  /** What the work came to; null for an offer that nobody took up. */
  outcome: JobState | null;
  /** Its steps, once another attempt follows it. */
  steps: readonly Step[];
}>;

/** As the offer that is stored at this server time says it. */
export const newAttempt = (body: JobOffered, at: number): Attempt => ({
  attempt: body.attempt,
  fence: body.fence,
  agentId: body.agentId,
  session: body.session,
  reason: body.reason,
  room: body.room ?? 'reported',
  offeredAt: at,
  ackTimeoutMs: body.ackTimeoutMs,
  until: at + body.ackTimeoutMs,
  resolution: null,
  cause: null,
  resolvedAt: null,
  heardAt: null,
  away: false,
  recoverUntil: null,
  startedAt: null,
  stop: null,
  waitingSince: null,
  waitedMs: 0,
  endedAt: null,
  outcome: null,
  steps: [],
});

/** Its wall clock goes on: nobody is asked any more. */
export const waitedUntil = (attempt: Attempt, at: number): Attempt => ({
  ...attempt,
  waitingSince: null,
  waitedMs: attempt.waitedMs + Math.max(0, at - (attempt.waitingSince ?? at)),
});

/** When its own limit is over: its wall clock stands still while it waits for approval. Undefined while nothing limits it. */
export function runsUntil(attempt: Attempt, timeoutMs: number | undefined): number | undefined {
  if (timeoutMs === undefined || attempt.startedAt === null) return undefined;
  if (attempt.waitingSince !== null || attempt.stop !== null) return undefined;
  if (attempt.endedAt !== null) return undefined;
  return attempt.startedAt + timeoutMs + attempt.waitedMs;
}
