/** Builds histories of one run for specs: events with ascending sequences and times, as the log would give them back. */

import { runId, triggerId } from './ids.ts';
import type { JobSpec, RunCreated } from './run-created.ts';
import type { BodyOf, RunEventType } from './run-event.ts';
import type { RunEvent } from './run-message.ts';

export const ORG = 'main';
export const RUN = runId(triggerId(ORG, 'github', 'delivery-1'), 0);
export const JOB = `${RUN}-0`;
export const START = 1_700_000_000_000;

export type JobShape = Readonly<{ name: string }> & Partial<JobSpec>;

export const createdBody = (
  jobs: readonly JobShape[] = [{ name: 'test' }],
  change: Partial<RunCreated> = {},
): RunCreated => ({
  runId: RUN,
  org: ORG,
  trigger: {
    triggerId: triggerId(ORG, 'github', 'delivery-1'),
    source: 'github',
    kind: 'webhook',
    event: 'push',
    deliveryId: 'delivery-1',
  },
  rule: { name: 'ci', generation: 1 },
  workflow: 'ci',
  repoUrl: '',
  ref: '',
  sha: '',
  event: null,
  jobs: jobs.map((shape, index) => ({
    jobId: `${RUN}-${index}`,
    runsOn: [],
    needs: [],
    config: {},
    withEvent: false,
    ...shape,
  })),
  offersMax: 5,
  ackTimeoutMs: 10_000,
  recoveryMs: 120_000,
  staleMs: 120_000,
  ...change,
});

type About = Readonly<{
  jobId?: string;
  attempt?: number;
  session?: number;
  agentId?: string;
  id?: string;
  at?: number;
}>;

/** Each call of `add` is the next event; `at` moves the time, one millisecond passes otherwise. */
export function history(firstSeq = 10) {
  let seq = firstSeq;
  let at = START;
  const events: RunEvent[] = [];
  const add = <T extends RunEventType>(type: T, body: BodyOf<T>, about: About = {}): RunEvent => {
    seq += 1;
    at = about.at ?? at + 1;
    const id = about.id ?? `e${seq}`;
    const { id: _id, at: _at, ...meta } = about;
    // The body is that of the type: the two parameters are tied above.
    const event = {
      type,
      body,
      org: ORG,
      runId: RUN,
      seq,
      at,
      id,
      meta: { id, source: 'test', ...meta },
    } as RunEvent;
    events.push(event);
    return event;
  };
  return {
    events,
    add,
    at: () => at,
    seq: () => seq,
    created: (jobs?: readonly JobShape[], change?: Partial<RunCreated>) =>
      add('run.created', createdBody(jobs, change)),
    offered: (
      attempt: number,
      session: number,
      jobId = JOB,
      agentId = `agent-${session}`,
      room: 'assumed' | 'reported' = 'reported',
    ) =>
      add(
        'job.offered',
        {
          jobId,
          attempt,
          fence: seq,
          agentId,
          session,
          ackTimeoutMs: 10_000,
          reason: attempt === 1 ? 'initial' : 'retry',
          room,
        },
        { jobId, attempt, session, agentId },
      ),
    expired: (attempt: number, later = 10_001, jobId = JOB) =>
      add('job.expired', { jobId, attempt }, { jobId, attempt, at: at + later }),
    ack: (attempt: number, session: number, jobId = JOB) =>
      add('job.ack', {}, { jobId, attempt, session, agentId: `agent-${session}` }),
    reject: (attempt: number, session: number, reason = 'busy', jobId = JOB) =>
      add('job.reject', { reason }, { jobId, attempt, session, agentId: `agent-${session}` }),
    status: (attempt: number, session: number, state: BodyOf<'job.status'>['state'], jobId = JOB) =>
      add('job.status', { state }, { jobId, attempt, session, agentId: `agent-${session}` }),
    step: (
      attempt: number,
      session: number,
      stepIndex: number,
      state: BodyOf<'step.status'>['state'],
      jobId = JOB,
    ) =>
      add(
        'step.status',
        { stepIndex, stepName: `step ${stepIndex}`, state },
        { jobId, attempt, session, agentId: `agent-${session}` },
      ),
    /** A person asks for the end. */
    asked: (change: Partial<BodyOf<'cancel.requested'>> = {}) =>
      add('cancel.requested', { by: 'ada', ...change }),
    /** The agent is told to stop. */
    stop: (attempt: number, change: Partial<BodyOf<'job.cancel'>> = {}, at?: number) =>
      add(
        'job.cancel',
        { jobId: JOB, attempt, reason: 'cancelled', force: false, graceMs: 30_000, ...change },
        { jobId: JOB, attempt, ...(at === undefined ? {} : { at }) },
      ),
    /** The agent is back, on the session after its own. */
    back: (type: 'agent.resumed' | 'agent.absent', attempt: number, session: number, of: number) =>
      add(type, { previousSession: of }, { jobId: JOB, attempt, session, agentId: `agent-${of}` }),
    lost: (attempt: number, session: number, scalerManaged = false) =>
      add(
        'agent.lost',
        { code: 1006, scalerManaged },
        { jobId: JOB, attempt, session, agentId: `agent-${session}` },
      ),
  };
}
