/**
 * One job, from its place in the run to its one outcome: what each event changes, or why it is void. Pure and total.
 * Invariants 1 (one resolution), 2 (attempts and fences) and 4 (terminal is final) of docs/invariants.md live here.
 * Void means: stored, counted as an anomaly, and without any effect for every reader.
 */
import { fraction } from './hash.ts';
import type { AttemptReason, JobOffered, JobSpec, RunCreated } from './run-event.ts';
import type { RunEvent, RunEventOf } from './run-message.ts';
import { isTerminalJob, isTerminalStep } from './states.ts';
import type { JobState, StepState } from './states.ts';

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

export type Step = Readonly<{
  index: number;
  name: string;
  kind: string;
  state: StepState;
  startedAt: number | null;
  completedAt: number | null;
  exitCode: number | null;
}>;

export type Job = Readonly<{
  spec: JobSpec;
  state: JobState;
  attempts: readonly Attempt[];
  steps: readonly Step[];
  /** Offers that nobody took up, by cause; their sum is held against the run's `offersMax`. */
  spent: Readonly<{ expired: number; rejected: number; withdrawn: number }>;
  /** A queued job is not offered before this server time. */
  notBefore: number;
  queuedAt: number | null;
  startedAt: number | null;
  completedAt: number | null;
  failure: string | null;
  outputs: Readonly<Record<string, unknown>>;
}>;

/** Why an event changed nothing. */
export type Void =
  | 'repeated' | 'unreadable' | 'before-created' | 'created-twice' | 'foreign-run' | 'after-end' | 'unknown-job'
  | 'stale-attempt' | 'foreign-session' | 'not-offered' | 'not-queued' | 'not-pending' | 'not-running' | 'not-recovering'
  | 'not-due' | 'wrong-attempt' | 'wrong-fence' | 'wrong-outcome' | 'needs-open' | 'step-ended' | 'not-later';

export type Judged = Job | Void;

/** A job of a run that was just created. Jobs without needs are born queued; the others wait for `job.queued`. */
export const newJob = (spec: JobSpec, at: number): Job => ({
  spec,
  state: spec.needs.length === 0 ? 'queued' : 'pending',
  attempts: [],
  steps: [],
  spent: { expired: 0, rejected: 0, withdrawn: 0 },
  notBefore: 0,
  queuedAt: spec.needs.length === 0 ? at : null,
  startedAt: null,
  completedAt: null,
  failure: null,
  outputs: {},
});

export const currentAttempt = (job: Job): Attempt | undefined => job.attempts.at(-1);
export const offersSpent = (job: Job): number => job.spent.expired + job.spent.rejected + job.spent.withdrawn;

/** Whether an agent works on it, or may: what counts against the agent's capacity. */
export const isHeld = (job: Job): boolean =>
  job.state === 'offered' || job.state === 'running' || job.state === 'recovering' || job.state === 'cancelling';

export type JobEvent = Exclude<RunEvent, RunEventOf<'run.created' | 'run.completed' | 'job.queued' | 'job.skipped'> | { type: 'unreadable' }>;

/** What the event makes of the job. `run.completed` and the events about needs are judged by the run. */
export function evolveJob(job: Job, event: JobEvent, run: RunCreated): Judged {
  if (isTerminalJob(job.state)) return 'after-end';
  switch (event.type) {
    case 'job.offered':
      return offered(job, event);
    case 'deadline.extended':
      return extended(job, event);
    case 'job.expired':
      return expired(job, event, run);
    case 'job.lost':
      return lostForGood(job, event);
    case 'job.stale':
      return stale(job, event, run);
    case 'agent.resumed':
      return resumed(job, event);
    case 'agent.absent':
      return absent(job, event, run);
    default:
      return heard(job, event, run);
  }
}

function offered(job: Job, event: RunEventOf<'job.offered'>): Judged {
  const { body } = event;
  if (job.state !== 'queued') return 'not-queued';
  if (body.attempt !== job.attempts.length + 1) return 'wrong-attempt';
  if (body.fence <= (currentAttempt(job)?.fence ?? 0)) return 'wrong-fence';
  return { ...job, state: 'offered', attempts: [...job.attempts, newAttempt(body, event.at)] };
}

const newAttempt = (body: JobOffered, at: number): Attempt => ({
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

/** The current attempt if the decision speaks of it and the job is in one of the states; else why not. */
function decidedOn(job: Job, attempt: number, states: readonly JobState[], otherwise: Void): Attempt | Void {
  const current = currentAttempt(job);
  if (current === undefined || current.attempt !== attempt) return 'stale-attempt';
  return states.includes(job.state) ? current : otherwise;
}

function extended(job: Job, event: RunEventOf<'deadline.extended'>): Judged {
  const current = decidedOn(job, event.body.attempt, ['offered'], 'not-offered');
  if (typeof current === 'string') return current;
  if (event.body.until <= current.until) return 'not-later';
  return withCurrent(job, { ...current, until: event.body.until });
}

function expired(job: Job, event: RunEventOf<'job.expired'>, run: RunCreated): Judged {
  const current = decidedOn(job, event.body.attempt, ['offered'], 'not-offered');
  if (typeof current === 'string') return current;
  // Stored times are rounded down to milliseconds: only a strictly later one is surely past the deadline.
  if (event.at <= current.until) return 'not-due';
  return requeued(job, { ...current, resolution: 'expired', cause: 'ack_timeout', resolvedAt: event.at }, run);
}

function lostForGood(job: Job, event: RunEventOf<'job.lost'>): Judged {
  const current = decidedOn(job, event.body.attempt, ['recovering'], 'not-recovering');
  if (typeof current === 'string') return current;
  if (current.recoverUntil === null || event.at <= current.recoverUntil) return 'not-due';
  return ended(withCurrent(job, { ...current, cause: 'agent_lost' }), 'failed', event.at, 'agent_lost');
}

function stale(job: Job, event: RunEventOf<'job.stale'>, run: RunCreated): Judged {
  const current = decidedOn(job, event.body.attempt, ['running', 'cancelling'], 'not-running');
  if (typeof current === 'string') return current;
  const heardAt = Math.max(current.heardAt ?? current.offeredAt, event.body.heartbeat?.at ?? 0);
  if (event.at <= heardAt + run.staleMs) return 'not-due';
  return ended(withCurrent(job, { ...current, cause: 'no_heartbeat' }), 'timed_out_stale', event.at, 'no_heartbeat');
}

/** The agent is back on a newer socket. Equal for resumed and absent: same agent, later session. */
function returned(job: Job, event: RunEventOf<'agent.resumed' | 'agent.absent'>): Attempt | Void {
  const current = currentAttempt(job);
  if (!isHeld(job) || current === undefined || event.meta.attempt !== current.attempt) return 'stale-attempt';
  const { session, agentId } = event.meta;
  if (agentId !== current.agentId || session === undefined || session <= current.session) return 'foreign-session';
  return current;
}

function resumed(job: Job, event: RunEventOf<'agent.resumed'>): Judged {
  const current = returned(job, event);
  if (typeof current === 'string') return current;
  const session = event.meta.session ?? current.session;
  return taken(job, { ...current, session, away: false, recoverUntil: null }, event.at);
}

function absent(job: Job, event: RunEventOf<'agent.absent'>, run: RunCreated): Judged {
  const current = returned(job, event);
  if (typeof current === 'string') return current;
  if (job.state === 'offered')
    return requeued(job, { ...current, resolution: 'withdrawn', cause: 'agent_absent', resolvedAt: event.at }, run);
  return ended(withCurrent(job, { ...current, cause: 'agent_lost' }), 'failed', event.at, 'agent_lost');
}

type HeardEvent = RunEventOf<'job.ack' | 'job.reject' | 'job.status' | 'step.status' | 'agent.lost' | 'agent.heard'>;

/** Facts of the session that holds the attempt. The fence: a session that lost its offer must not touch its successor's. */
function heard(job: Job, event: HeardEvent, run: RunCreated): Judged {
  const current = currentAttempt(job);
  if (current === undefined || event.meta.attempt !== current.attempt) return 'stale-attempt';
  if (event.meta.session !== current.session) return 'foreign-session';
  if (!isHeld(job)) return 'not-offered';
  switch (event.type) {
    case 'job.reject':
      if (job.state !== 'offered') return 'not-offered';
      return requeued(job, { ...current, resolution: 'rejected', cause: event.body.reason, resolvedAt: event.at }, run);
    case 'agent.lost':
      return lost(job, current, event, run);
    case 'job.status':
      return status(taken(job, current, event.at), event);
    case 'step.status':
      return step(taken(job, current, event.at), event);
    default:
      return taken(job, current, event.at);
  }
}

/** Any word of the attempt but a reject accepts the offer, and shows that a recovering job is not lost. */
function taken(job: Job, current: Attempt, at: number): Job {
  const accepted = current.resolution ?? 'accepted';
  return {
    ...withCurrent(job, {
      ...current,
      resolution: accepted,
      resolvedAt: current.resolvedAt ?? at,
      heardAt: at,
      away: false,
      recoverUntil: null,
    }),
    state: job.state === 'cancelling' ? 'cancelling' : 'running',
    startedAt: job.startedAt ?? at,
  };
}

function lost(job: Job, current: Attempt, event: RunEventOf<'agent.lost'>, run: RunCreated): Judged {
  const { scalerManaged } = event.body;
  if (job.state === 'offered') {
    // A static agent may come back and answer in time: its offer stays open to its deadline.
    if (!scalerManaged) return withCurrent(job, { ...current, away: true });
    return requeued(job, { ...current, resolution: 'withdrawn', cause: 'agent_lost', resolvedAt: event.at }, run);
  }
  if (scalerManaged)
    return ended(withCurrent(job, { ...current, away: true, cause: 'agent_lost' }), 'failed', event.at, 'agent_lost');
  if (job.state === 'recovering') return 'not-running';
  const recoverUntil = event.at + run.recoveryMs;
  return { ...withCurrent(job, { ...current, away: true, recoverUntil }), state: 'recovering' };
}

function status(job: Job, event: RunEventOf<'job.status'>): Job {
  const { state, data } = event.body;
  if (state === 'cancelling') return { ...job, state };
  if (!isTerminalJob(state)) return job;
  const failure = state === 'success' ? null : (reasonIn(data) ?? state);
  return { ...ended(job, state, event.at, failure), outputs: recordIn(data, 'outputs') };
}

function step(job: Job, event: RunEventOf<'step.status'>): Judged {
  const { stepIndex, stepName, state, step_type: kind = 'step', data } = event.body;
  const known = job.steps.find((each) => each.index === stepIndex && each.kind === kind);
  if (known !== undefined && isTerminalStep(known.state)) return 'step-ended';
  const exitCode = data?.['exitCode'];
  const next: Step = {
    index: stepIndex,
    name: stepName,
    kind,
    state,
    startedAt: known?.startedAt ?? (state === 'pending' || state === 'skipped' ? null : event.at),
    completedAt: isTerminalStep(state) ? event.at : null,
    exitCode: typeof exitCode === 'number' ? exitCode : null,
  };
  const others = job.steps.filter((each) => each !== known);
  return { ...job, steps: [...others, next].toSorted((a, b) => a.index - b.index || (a.kind < b.kind ? -1 : 1)) };
}

/** Back to the queue, or failed where the budget of offers is spent: decided by the fold, in the same event. */
function requeued(job: Job, settled: Attempt, run: RunCreated): Job {
  const resolution = settled.resolution;
  if (resolution === null || resolution === 'accepted') return withCurrent(job, settled);
  const spent = { ...job.spent, [resolution]: job.spent[resolution] + 1 };
  const at = settled.resolvedAt ?? settled.offeredAt;
  const next = { ...withCurrent(job, settled), spent };
  if (offersSpent(next) >= run.offersMax) return ended(next, 'failed', at, 'offers_exhausted');
  const wait = resolution === 'rejected' ? backoffMs(spent.rejected, `${job.spec.jobId}:${settled.attempt}`) : 0;
  return { ...next, state: 'queued', queuedAt: at, notBefore: at + wait };
}

const BACKOFF_BASE_MS = 500;
const BACKOFF_CAP_MS = 30_000;

/** Doubling from half a second to 30 s, jittered by half through a hash: every reader computes the same. */
function backoffMs(rejects: number, seed: string): number {
  const full = Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** Math.min(rejects - 1, 16));
  return Math.round(full * (0.5 + fraction(seed) / 2));
}

/** A job that ended closes the steps that its agent left open, as cancelled jobs of the protocol do. */
export function ended(job: Job, state: JobState, at: number, failure: string | null): Job {
  const left: StepState = state === 'success' || state === 'failed' ? state : 'cancelled';
  const steps = job.steps.map((each) =>
    isTerminalStep(each.state) ? each : { ...each, state: each.state === 'pending' ? 'cancelled' : left, completedAt: at },
  );
  return { ...job, state, steps, completedAt: at, failure };
}

const withCurrent = (job: Job, attempt: Attempt): Job => ({ ...job, attempts: [...job.attempts.slice(0, -1), attempt] });

function recordIn(data: Readonly<Record<string, unknown>> | undefined, key: string): Readonly<Record<string, unknown>> {
  const value = data?.[key];
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>) // just checked to be an object
    : {};
}

/** Agents say why in `data.error` or `data.reason`, as text or as an object with a message. */
function reasonIn(data: Readonly<Record<string, unknown>> | undefined): string | null {
  for (const key of ['reason', 'error']) {
    const value = data?.[key];
    const text = typeof value === 'object' && value !== null && 'message' in value ? value.message : value;
    if (typeof text === 'string' && text !== '') return text.slice(0, 500);
  }
  return null;
}
