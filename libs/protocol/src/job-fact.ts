/**
 * What a fact about a job makes of it: only the session that holds the current attempt has a say. Invariant 2.
 */
import type { Attempt } from './attempt.ts';
import type { Job } from './job.ts';
import { currentAttempt, ended, isHeld, requeued, withCurrent } from './job.ts';
import type { RunCreated } from './run-created.ts';
import type { RunEventOf } from './run-message.ts';
import { isTerminalJob } from './states.ts';
import { withStep } from './step.ts';
import type { Judged, Void } from './void.ts';

/** The agent is back on a newer socket. Equal for resumed and absent: same agent, later session. */
function returned(job: Job, event: RunEventOf<'agent.resumed' | 'agent.absent'>): Attempt | Void {
  const current = currentAttempt(job);
  if (!isHeld(job) || current === undefined || event.meta.attempt !== current.attempt)
    return 'stale-attempt';
  const { session, agentId } = event.meta;
  if (agentId !== current.agentId || session === undefined || session <= current.session)
    return 'foreign-session';
  return current;
}

export function resumed(job: Job, event: RunEventOf<'agent.resumed'>): Judged {
  const current = returned(job, event);
  if (typeof current === 'string') return current;
  const session = event.meta.session ?? current.session;
  return taken(job, { ...current, session, away: false, recoverUntil: null }, event.at);
}

export function absent(job: Job, event: RunEventOf<'agent.absent'>, run: RunCreated): Judged {
  const current = returned(job, event);
  if (typeof current === 'string') return current;
  if (job.state === 'offered')
    return requeued(
      job,
      { ...current, resolution: 'withdrawn', cause: 'agent_absent', resolvedAt: event.at },
      run,
    );
  return ended(
    withCurrent(job, { ...current, cause: 'agent_lost' }),
    'failed',
    event.at,
    'agent_lost',
  );
}

type HeardEvent = RunEventOf<
  'job.ack' | 'job.reject' | 'job.status' | 'step.status' | 'agent.lost' | 'agent.heard'
>;

/** Facts of the session that holds the attempt. The fence: a session that lost its offer must not touch its successor's. */
export function heard(job: Job, event: HeardEvent, run: RunCreated): Judged {
  const current = currentAttempt(job);
  if (current === undefined || event.meta.attempt !== current.attempt) return 'stale-attempt';
  if (event.meta.session !== current.session) return 'foreign-session';
  if (!isHeld(job)) return 'not-offered';
  switch (event.type) {
    case 'job.reject':
      if (job.state !== 'offered') return 'not-offered';
      return requeued(
        job,
        { ...current, resolution: 'rejected', cause: event.body.reason, resolvedAt: event.at },
        run,
      );
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

function lost(
  job: Job,
  current: Attempt,
  event: RunEventOf<'agent.lost'>,
  run: RunCreated,
): Judged {
  const { scalerManaged } = event.body;
  if (job.state === 'offered') {
    // A static agent may come back and answer in time: its offer stays open to its deadline.
    if (!scalerManaged) return withCurrent(job, { ...current, away: true });
    return requeued(
      job,
      { ...current, resolution: 'withdrawn', cause: 'agent_lost', resolvedAt: event.at },
      run,
    );
  }
  if (scalerManaged)
    return ended(
      withCurrent(job, { ...current, away: true, cause: 'agent_lost' }),
      'failed',
      event.at,
      'agent_lost',
    );
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
  const steps = withStep(job.steps, event);
  return steps === undefined ? 'step-ended' : { ...job, steps };
}

function recordIn(
  data: Readonly<Record<string, unknown>> | undefined,
  key: string,
): Readonly<Record<string, unknown>> {
  const value = data?.[key];
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>) // just checked to be an object
    : {};
}

/** Agents say why in `data.error` or `data.reason`, as text or as an object with a message. */
function reasonIn(data: Readonly<Record<string, unknown>> | undefined): string | null {
  for (const key of ['reason', 'error']) {
    const value = data?.[key];
    const text =
      typeof value === 'object' && value !== null && 'message' in value ? value.message : value;
    if (typeof text === 'string' && text !== '') return text.slice(0, 500).toWellFormed();
  }
  return null;
}
