/** The decisions about a job but for its stop, in the cases that make a difference. A type without a case does not compile. */
import { JOB } from '../src/run.fixture.ts';
import type { DecisionType } from '../src/run-event.ts';
import { approvalCases } from './lifecycle-approval-cases.ts';
import {
  AFTER,
  again,
  asked,
  at,
  type Case,
  lastOffer,
  undisturbed,
  whileStopping,
} from './lifecycle-givens.ts';
import { deadlineOf, type Scene } from './lifecycle-scene.ts';
import type { Stopping } from './lifecycle-stop-cases.ts';

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
const needs = (type: 'job.queued' | 'job.skipped'): readonly Case[] => {
  const tell = (scene: Scene): void =>
    void (type === 'job.queued'
      ? scene.add(type, { jobId: JOB }, { jobId: JOB })
      : scene.add(type, { jobId: JOB, because: [] }, { jobId: JOB }));
  const only = ['pending'] as const;
  return [
    { when: 'what it needs is open', tell },
    { when: 'its needs are met', only, given: { upstream: 'success' }, tell },
    {
      when: 'its needs are met, and people have to approve it',
      only,
      given: { upstream: 'success', shape: { approval: {} } },
      tell,
    },
    { when: 'its needs cannot be met', only, given: { upstream: 'failed' }, tell },
  ];
};
type Decided = Exclude<DecisionType, 'run.created' | 'run.completed' | Stopping>;

export const decisionCases: Readonly<Record<Decided, readonly Case[]>> = {
  'approval.resolved': approvalCases['approval.resolved'],
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
    ...whileStopping('silent for too long', (scene) => silent(scene, AFTER)).map(
      (each): Case => (each.only === undisturbed ? { ...each, only: ['running'] } : each),
    ),
    { when: 'not yet', only: ['running', 'cancelling'], tell: (scene) => silent(scene, 0) },
    {
      when: 'read too long before',
      only: ['running', 'cancelling'],
      tell: (scene) => silent(scene, AFTER, 20_000),
    },
  ],
};
