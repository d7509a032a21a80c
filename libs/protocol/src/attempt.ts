/** One offer of a job to one session of an agent, and how it was resolved. Immutable: a change is another value. */
import type { AttemptReason, JobOffered } from './run-event.ts';

export type Resolution = 'accepted' | 'rejected' | 'expired' | 'withdrawn';

export type Attempt = Readonly<{
  attempt: number;
  fence: number;
  agentId: string;
  /** Moves when the agent returns with the job in its `inFlightJobs`. */
  session: number;
  reason: AttemptReason;
  offeredAt: number;
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
}>;

/** As the offer that is stored at this server time says it. */
export const newAttempt = (body: JobOffered, at: number): Attempt => ({
  attempt: body.attempt,
  fence: body.fence,
  agentId: body.agentId,
  session: body.session,
  reason: body.reason,
  offeredAt: at,
  until: at + body.ackTimeoutMs,
  resolution: null,
  cause: null,
  resolvedAt: null,
  heardAt: null,
  away: false,
  recoverUntil: null,
});
