/** The decisions that stop a job, or give up waiting for somebody, in the cases that make a difference. */
import { JOB } from '../src/run.fixture.ts';
import type { DecisionType } from '../src/run-event.ts';
import {
  AFTER,
  approval,
  asked,
  at,
  begun,
  type Case,
  forced,
  held,
  limited,
  overLimit,
  overLimitAgain,
  ownWord,
  undisturbed,
} from './lifecycle-givens.ts';
import { deadlineOf, type Given, LIMIT_MS, type Scene } from './lifecycle-scene.ts';

export type Stopping = Extract<
  DecisionType,
  'job.cancel' | 'job.cancelled' | 'job.timed_out' | 'session.ended'
>;

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
const queueLimit: Given = { shape: { queueTimeoutMs: 60_000 } };
export const stopCases: Readonly<Record<Stopping, readonly Case[]>> = {
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
      when: 'because somebody cancelled it, while it cancels by its agent’s own word',
      only: ['cancelling'],
      given: ownWord,
      tell: (scene) => scene.stop(1),
    },
    {
      when: 'at its own limit, while it cancels by its agent’s own word',
      only: ['cancelling'],
      given: { ...ownWord, ...limited },
      tell: (scene) => overTime(scene, AFTER),
    },
    {
      when: 'at its own limit, before that is over, while it cancels by its agent’s own word',
      only: ['cancelling'],
      given: { ...ownWord, ...limited },
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
    {
      when: 'of its attempt, which is not forced',
      only: ['queued', ...begun],
      tell: (s) => stopped(s, AFTER),
    },
    {
      when: 'after the time that it had when it was forced',
      only: ['cancelling'],
      given: forced,
      tell: (scene) => stopped(scene, AFTER),
    },
    {
      when: 'after that time, stopped at its own limit',
      only: ['cancelling'],
      given: { ...overLimit, then: (scene) => void scene.stop(1, { force: true }) },
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
      when: 'the session that has it, of a job that somebody cancelled',
      only: ['offered'],
      given: asked,
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
};
