/** Runs as deciders and agents would write them, step by step: for specs that fold them, and to put them into a log. */
import type {
  Draft,
  Meta,
  RunCreated,
  RunEvent,
  RunEventOf,
  RunEventType,
} from '@waybill/protocol';
import { runDraft, runId, triggerId } from '@waybill/protocol';
import { createdBody } from '@waybill/protocol/fixtures';

export const ORG = 'main';
export const START = 1_700_000_000_000;

export const runOf = (index: number): string => runId(triggerId(ORG, 'story', String(index)), 0);

export function createdRun(run: string, jobs = 1): RunCreated {
  const names = Array.from({ length: jobs }, (_, at) => ({ name: `job-${at}` }));
  const body = createdBody(names);
  const specs = body.jobs.map((spec, at) => ({
    ...spec,
    jobId: `${run}-${at}`,
    runsOn: ['linux'],
  }));
  return { ...body, runId: run, jobs: specs, event: { canary: 'payload' } };
}

type Written<T extends RunEventType = RunEventType> = Readonly<{
  type: T;
  body: unknown;
  meta: Meta;
  to?: string;
}>;

/** From its creation to its end; each expects the sequence before it, as far as anybody looks. */
export const storySteps = ['created', 'offered', 'ack', 'step', 'success', 'completed'] as const;
export type StoryStep = (typeof storySteps)[number];

export function written(run: string, step: StoryStep, lastSeq: number, at = START): Written {
  const jobId = `${run}-0`;
  const who = { jobId, attempt: 1, session: 7, agentId: 'agent-7' };
  const id = `${ORG}:${run}:${step}@${lastSeq}`;
  const meta = { id, source: 'story' };
  switch (step) {
    case 'created':
      return { type: 'run.created', meta: { ...meta, requestId: 'r' }, body: createdRun(run) };
    case 'offered':
      return {
        type: 'job.offered',
        to: 'agent-7',
        meta: { ...meta, jobId, attempt: 1 },
        body: { ...who, fence: lastSeq, ackTimeoutMs: 10_000, reason: 'initial' },
      };
    case 'ack':
      return { type: 'job.ack', meta: { ...meta, ...who }, body: {} };
    case 'step':
      return {
        type: 'step.status',
        meta: { ...meta, ...who },
        body: { stepIndex: 0, stepName: 'test', state: 'running' },
      };
    case 'success':
      return { type: 'job.status', meta: { ...meta, ...who }, body: { state: 'success' } };
    case 'completed':
      return {
        type: 'run.completed',
        meta,
        body: {
          state: 'success',
          startedAt: at,
          completedAt: at,
          durationMs: 0,
          queuedMs: 0,
          usage: {},
          costUsd: 0,
          priceGeneration: null,
          jobs: [],
        },
      };
  }
}

/** As the log would give it back. */
export function eventOf(run: string, step: StoryStep, seq: number, lastSeq = seq - 1): RunEvent {
  const { type, body, meta } = written(run, step, lastSeq);
  // Each body above is made for its type.
  return { type, body, meta, org: ORG, runId: run, seq, at: START + seq, id: meta.id } as RunEvent;
}

export function draftOf(run: string, step: StoryStep, lastSeq: number): Draft {
  const { type, body, meta, to } = written(run, step, lastSeq);
  return runDraft({
    org: ORG,
    runId: run,
    type,
    meta,
    // Each body above is made for its type.
    body: body as RunEventOf<typeof type>['body'],
    ...(to === undefined ? {} : { to }),
  });
}
