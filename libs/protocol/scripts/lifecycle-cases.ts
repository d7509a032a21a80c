/**
 * Every event that is about a job, in the cases that make a difference: what docs/run-lifecycle.md asks the fold. A type of event
 * without a case does not compile.
 */
import { JOB } from '../src/run.fixture.ts';
import type { RetryPolicy } from '../src/run-created.ts';
import type { RunEventType } from '../src/run-event.ts';
import type { JobState } from '../src/states.ts';
import { deadlineOf, type Given, LIMIT_MS, type Scene, UPSTREAM } from './lifecycle-scene.ts';

export type JobEventType = Exclude<RunEventType, 'run.created' | 'run.completed'>;
export type Case = Readonly<{
  /** Empty for the usual case. */
  when: string;
  /** Only in these states does it make a difference. */
  only?: readonly JobState[];
  given?: Given;
  tell: (scene: Scene) => void;
}>;

const AFTER = 1;
const about = { jobId: JOB, attempt: 1, session: 7, agentId: 'agent-7' };
const at = (moment: number) => ({ jobId: JOB, at: moment });

const retries: RetryPolicy[] = [
  {
    on: ['failed', 'agent_lost', 'timed_out_stale', 'job_timeout'],
    max: 1,
    backoffMs: 1_000,
    backoffMaxMs: 1_000,
  },
];
const again: Given = { shape: { retries } };
const lastOffer: Given = { run: { offersMax: 1 } };
const asked: Given = { then: (scene) => void scene.asked() };
const forced: Given = { then: (scene) => void scene.stop(1, { force: true }) };
const limited: Given = { shape: { timeoutMs: LIMIT_MS } };
const overLimit: Given = { ...limited, stop: 'job_timeout' };
const overLimitAgain: Given = { ...overLimit, shape: { timeoutMs: LIMIT_MS, retries } };
const held = ['offered', 'running', 'recovering', 'cancelling'] as const;
const begun = ['running', 'recovering', 'cancelling'] as const;
/** Where work that ends is done again: what is being stopped is not. */
const undisturbed = ['running', 'recovering'] as const;

const offer = (scene: Scene, change: object, moment = scene.at() + 1): void => {
  const attempts = scene.job().attempts.length;
  const usual = { jobId: JOB, attempt: attempts + 1, fence: scene.seq(), agentId: 'agent-9' };
  scene.add(
    'job.offered',
    { ...usual, session: 9, ackTimeoutMs: 10_000, reason: 'retry', ...change },
    at(moment),
  );
};
const expire = (scene: Scene, late: number): void =>
  void scene.add('job.expired', { jobId: JOB, attempt: 1 }, at(deadlineOf(scene, 'answer') + late));
const giveUp = (scene: Scene, late: number): void =>
  void scene.add('job.lost', { jobId: JOB, attempt: 1 }, at(deadlineOf(scene, 'return') + late));
const silent = (scene: Scene, late: number, readAgoMs = 0): void => {
  const moment = deadlineOf(scene, 'silence') + late;
  const body = { jobId: JOB, attempt: 1, heartbeat: null, readAt: moment - readAgoMs };
  scene.add('job.stale', body, at(moment));
};
const overTime = (scene: Scene, late: number): void =>
  void scene.stop(
    1,
    { reason: 'job_timeout' },
    (scene.job().startedAt ?? scene.at()) + LIMIT_MS + late,
  );
const stopped = (scene: Scene, late: number): void =>
  void scene.add(
    'job.cancelled',
    { jobId: JOB, attempt: 1, reason: 'cancelled' },
    at(deadlineOf(scene, 'stop') + late),
  );
const waited = (scene: Scene, late: number): void =>
  void scene.add(
    'job.timed_out',
    { jobId: JOB },
    at((scene.job().waitsSince ?? scene.at()) + 60_000 + late),
  );
const needs = (type: 'job.queued' | 'job.skipped'): readonly Case[] => {
  const tell = (scene: Scene): void =>
    void (type === 'job.queued'
      ? scene.add(type, { jobId: JOB }, { jobId: JOB })
      : scene.add(type, { jobId: JOB, because: [] }, { jobId: JOB }));
  const only = ['pending'] as const;
  return [
    { when: 'what it needs is open', tell },
    { when: 'its needs are met', only, given: { upstream: 'success' }, tell },
    { when: 'its needs cannot be met', only, given: { upstream: 'failed' }, tell },
  ];
};
const queueLimit: Given = { shape: { queueTimeoutMs: 60_000 } };
const approval = (scene: Scene): void =>
  void scene.add('approval.requested', { messageId: 'm1', stepIndex: 0 }, about);

const dropped = (scene: Scene): void =>
  void scene.add(
    'job.status',
    { state: 'running', droppedJobs: ['job'] },
    { jobId: UPSTREAM, attempt: 1, session: 3 },
  );

export const cases: Readonly<Record<JobEventType, readonly Case[]>> = {
  'job.queued': needs('job.queued'),
  'job.skipped': needs('job.skipped'),
  'job.offered': [
    { when: '', tell: (scene) => offer(scene, {}) },
    {
      when: 'with another attempt number',
      only: ['queued'],
      tell: (scene) => offer(scene, { attempt: 3 }),
    },
    {
      when: 'with a fence at its own place or past it',
      only: ['queued'],
      tell: (scene) => offer(scene, { fence: scene.seq() + 1 }),
    },
    {
      when: 'while an agent that was given up may be at work',
      only: ['queued'],
      given: {
        ...again,
        then: (scene) => {
          scene.offered(1, 7);
          scene.ack(1, 7);
          scene.lost(1, 7, true);
        },
      },
      tell: (scene) => offer(scene, {}, scene.job().workedUntil),
    },
  ],
  'deadline.extended': [
    {
      when: '',
      tell: (scene) =>
        scene.add(
          'deadline.extended',
          { jobId: JOB, attempt: 1, until: scene.at() + 300_000, cause: 'log-outage' },
          { jobId: JOB },
        ),
    },
    {
      when: 'to an earlier moment',
      only: ['offered', 'recovering'],
      tell: (scene) =>
        scene.add(
          'deadline.extended',
          { jobId: JOB, attempt: 1, until: scene.at(), cause: 'log-outage' },
          { jobId: JOB },
        ),
    },
  ],
  'job.expired': [
    { when: 'after the deadline', tell: (scene) => expire(scene, AFTER) },
    { when: 'at the deadline or before', only: ['offered'], tell: (scene) => expire(scene, 0) },
    {
      when: 'after it, with the budget spent',
      only: ['offered'],
      given: lastOffer,
      tell: (scene) => expire(scene, AFTER),
    },
    {
      when: 'after it, of a job that somebody cancelled',
      only: ['offered'],
      given: asked,
      tell: (scene) => expire(scene, AFTER),
    },
  ],
  'job.lost': [
    { when: 'after the recovery time', tell: (scene) => giveUp(scene, AFTER) },
    {
      when: 'after it, with retries left',
      only: ['recovering'],
      given: again,
      tell: (scene) => giveUp(scene, AFTER),
    },
    {
      when: 'after it, of a job that somebody cancelled',
      only: ['recovering'],
      given: asked,
      tell: (scene) => giveUp(scene, AFTER),
    },
    { when: 'before', only: ['recovering'], tell: (scene) => giveUp(scene, 0) },
  ],
  'job.stale': [
    { when: 'silent for too long', tell: (scene) => silent(scene, AFTER) },
    {
      when: 'silent for too long, with retries left',
      only: ['running'],
      given: again,
      tell: (scene) => silent(scene, AFTER),
    },
    { when: 'not yet', only: ['running', 'cancelling'], tell: (scene) => silent(scene, 0) },
    {
      when: 'read too long before',
      only: ['running', 'cancelling'],
      tell: (scene) => silent(scene, AFTER, 20_000),
    },
  ],
  'job.cancel': [
    { when: 'because somebody cancelled it, or a sibling failed', tell: (scene) => scene.stop(1) },
    { when: 'with force', only: held, tell: (scene) => scene.stop(1, { force: true }) },
    {
      when: 'with force, once more',
      only: ['cancelling'],
      given: forced,
      tell: (scene) => scene.stop(1, { force: true }),
    },
    {
      when: 'at its own limit, before that is over',
      only: undisturbed,
      given: limited,
      tell: (scene) => overTime(scene, 0),
    },
    {
      when: 'at its own limit',
      only: ['offered', 'running', 'recovering'],
      given: limited,
      tell: (scene) => overTime(scene, AFTER),
    },
    {
      when: 'at its own limit, while it waits for approval',
      only: ['running'],
      given: { ...limited, then: approval },
      tell: (scene) => overTime(scene, AFTER),
    },
  ],
  'job.cancelled': [
    {
      when: 'because nobody has it',
      tell: (scene) =>
        scene.add('job.cancelled', { jobId: JOB, reason: 'fail_fast' }, { jobId: JOB }),
    },
    { when: 'of its attempt, which is not forced', only: begun, tell: (s) => stopped(s, AFTER) },
    {
      when: 'after the time that it had when it was forced',
      only: ['cancelling'],
      given: forced,
      tell: (scene) => stopped(scene, AFTER),
    },
    {
      when: 'after that time, stopped at its own limit, with retries left',
      only: ['cancelling'],
      given: { ...overLimitAgain, then: (scene) => void scene.stop(1, { force: true }) },
      tell: (scene) => stopped(scene, AFTER),
    },
    {
      when: 'before that is over',
      only: ['cancelling'],
      given: forced,
      tell: (scene) => stopped(scene, 0),
    },
  ],
  'job.timed_out': [
    {
      when: 'it waited for too long',
      given: queueLimit,
      tell: (scene) => waited(scene, AFTER),
    },
    {
      when: 'before its limit',
      only: ['queued'],
      given: queueLimit,
      tell: (scene) => waited(scene, 0),
    },
    { when: 'it has no limit', only: ['queued'], tell: (scene) => waited(scene, AFTER) },
  ],
  'session.ended': [
    {
      when: 'the session that has it',
      tell: (scene) =>
        scene.add(
          'session.ended',
          { jobId: JOB, attempt: 1, session: 7, cause: 'gateway_lost' },
          { jobId: JOB },
        ),
    },
    {
      when: 'another session',
      only: ['offered', 'running', 'cancelling'],
      tell: (scene) =>
        scene.add(
          'session.ended',
          { jobId: JOB, attempt: 1, session: 6, cause: 'gateway_lost' },
          { jobId: JOB },
        ),
    },
  ],
  'job.ack': [
    { when: '', tell: (scene) => scene.ack(1, 7) },
    { when: 'of another session', only: held, tell: (scene) => scene.ack(1, 6) },
    { when: 'of another attempt', only: held, tell: (scene) => scene.ack(2, 7) },
    {
      when: 'of the offer that expired',
      only: ['queued'],
      given: {
        then: (scene) => {
          scene.offered(1, 7);
          scene.expired(1);
        },
      },
      tell: (scene) => scene.ack(1, 7),
    },
  ],
  'job.reject': [
    { when: '`draining`, or `busy` where it had shown room', tell: (scene) => scene.reject(1, 7) },
    {
      when: '`busy` where it never showed room',
      only: ['offered'],
      given: { room: 'assumed' },
      tell: (scene) => scene.reject(1, 7),
    },
    {
      when: 'with the budget spent',
      only: ['offered'],
      given: lastOffer,
      tell: (scene) => scene.reject(1, 7, 'draining'),
    },
    {
      when: 'of a job that somebody cancelled',
      only: ['offered'],
      given: asked,
      tell: (scene) => scene.reject(1, 7),
    },
  ],
  'job.status': [
    { when: '`running`, `pending` or `queued`', tell: (scene) => scene.status(1, 7, 'running') },
    { when: '`cancelling`', only: held, tell: (scene) => scene.status(1, 7, 'cancelling') },
    { when: '`success`', only: held, tell: (scene) => scene.status(1, 7, 'success') },
    { when: '`failed`', only: held, tell: (scene) => scene.status(1, 7, 'failed') },
    {
      when: '`failed`, with retries left',
      only: ['offered', ...undisturbed],
      given: again,
      tell: (scene) => scene.status(1, 7, 'failed'),
    },
    { when: '`cancelled`', only: held, tell: (scene) => scene.status(1, 7, 'cancelled') },
    {
      when: '`cancelled`, stopped at its own limit',
      only: ['cancelling'],
      given: overLimit,
      tell: (scene) => scene.status(1, 7, 'cancelled'),
    },
    {
      when: '`cancelled`, stopped at its own limit, with retries left',
      only: ['cancelling'],
      given: overLimitAgain,
      tell: (scene) => scene.status(1, 7, 'cancelled'),
    },
    {
      when: '`skipped`, and likewise `timed_out_stale`, `drift_dropped`',
      only: held,
      tell: (scene) => scene.status(1, 7, 'skipped'),
    },
    {
      when: 'of another job, which drops this one',
      only: ['pending', 'queued', 'offered', 'running'],
      given: { then: (scene) => void scene.offered(1, 3, UPSTREAM) },
      tell: dropped,
    },
    {
      when: 'of another job, which drops this one, but it began and is to be done again',
      only: ['queued'],
      given: {
        ...again,
        then: (scene) => {
          scene.offered(1, 7);
          scene.status(1, 7, 'failed');
          scene.offered(1, 3, UPSTREAM);
        },
      },
      tell: dropped,
    },
  ],
  'step.status': [
    { when: '', tell: (scene) => scene.step(1, 7, 0, 'running') },
    {
      when: 'of a step that has ended',
      only: ['running', 'cancelling'],
      given: { then: (scene) => void scene.step(1, 7, 0, 'success') },
      tell: (scene) => scene.step(1, 7, 0, 'running'),
    },
  ],
  'agent.lost': [
    { when: 'an agent that may come back', tell: (scene) => scene.lost(1, 7) },
    { when: 'an agent of a scaler', only: held, tell: (scene) => scene.lost(1, 7, true) },
    {
      when: 'an agent of a scaler, with retries left',
      only: undisturbed,
      given: again,
      tell: (scene) => scene.lost(1, 7, true),
    },
  ],
  'agent.resumed': [
    { when: 'on a newer session', tell: (scene) => scene.back('agent.resumed', 1, 9, 7) },
    {
      when: 'on a session that is not newer',
      only: held,
      tell: (scene) => scene.back('agent.resumed', 1, 7, 7),
    },
  ],
  'agent.absent': [
    { when: 'on a newer session', tell: (scene) => scene.back('agent.absent', 1, 9, 7) },
    {
      when: 'with retries left',
      only: undisturbed,
      given: again,
      tell: (scene) => scene.back('agent.absent', 1, 9, 7),
    },
  ],
  'agent.heard': [
    { when: '', tell: (scene) => scene.add('agent.heard', { frame: 'log.chunk' }, about) },
  ],
  'cancel.requested': [
    { when: '', tell: (scene) => scene.asked({ jobIds: [JOB] }) },
    {
      when: 'once more',
      only: held,
      given: asked,
      tell: (scene) => scene.asked({ jobIds: [JOB] }),
    },
    {
      when: 'once more, with force',
      only: held,
      given: asked,
      tell: (scene) => scene.asked({ jobIds: [JOB], force: true }),
    },
  ],
  'approval.requested': [
    { when: '', tell: approval },
    { when: 'once more', only: ['running'], given: { then: approval }, tell: approval },
  ],
  'approval.answered': [
    {
      when: 'no such request is open',
      tell: (scene) =>
        scene.add('approval.answered', { requestId: 'm1', outcome: 'approved' }, { jobId: JOB }),
    },
    {
      when: 'the last that was open',
      only: ['running'],
      given: { then: approval },
      tell: (scene) =>
        scene.add('approval.answered', { requestId: 'm1', outcome: 'approved' }, { jobId: JOB }),
    },
  ],
};
