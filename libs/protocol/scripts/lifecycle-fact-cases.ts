/** The facts about a job, in the cases that make a difference. A type without a case does not compile. */

import type { WorkFact } from '../src/job-work.ts';
import { JOB } from '../src/run.fixture.ts';
import { runEventSamples } from '../src/run-event.fixture.ts';
import type { FactType } from '../src/run-event.ts';
import { approvalCases } from './lifecycle-approval-cases.ts';
import {
  about,
  again,
  asked,
  begun,
  type Case,
  caseOf,
  held,
  lastOffer,
  undisturbed,
  whileStopping,
} from './lifecycle-givens.ts';
import { type Scene, UPSTREAM } from './lifecycle-scene.ts';

/** What an agent says of its work: the same for all of them, so what they say does not matter here. */
const work = (type: WorkFact | 'usage.reported'): readonly Case[] => [
  { when: '', tell: (scene) => void scene.add(type, runEventSamples[type], about) },
];

const dropped = (scene: Scene): void =>
  void scene.add(
    'job.status',
    { state: 'running', droppedJobs: ['job'] },
    { jobId: UPSTREAM, attempt: 1, session: 3 },
  );

/** Of an offer that came to nothing. */
const untaken = (when: string, tell: Case['tell']): readonly Case[] => [
  { when: caseOf(when, 'with the budget spent'), only: ['offered'], given: lastOffer, tell },
  { when: caseOf(when, 'of a job that somebody cancelled'), only: ['offered'], given: asked, tell },
];

const unsent = (scene: Scene): void =>
  void scene.add('job.unsent', { cause: 'secrets_unreadable' }, about);

export const factCases: Readonly<Record<FactType, readonly Case[]>> = {
  'job.ack': [
    { when: '', tell: (scene) => scene.ack(1, 7) },
    { when: 'of another session', only: held, tell: (scene) => scene.ack(1, 6) },
    { when: 'of another attempt', only: held, tell: (scene) => scene.ack(2, 7) },
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
    ...whileStopping('`cancelled`', (scene) => scene.status(1, 7, 'cancelled')),
    ...whileStopping('`failed`', (scene) => scene.status(1, 7, 'failed')),
    { when: '`skipped`', only: held, tell: (scene) => scene.status(1, 7, 'skipped') },
    {
      when: '`timed_out_stale`',
      only: held,
      tell: (scene) => scene.status(1, 7, 'timed_out_stale'),
    },
    { when: '`drift_dropped`', only: held, tell: (scene) => scene.status(1, 7, 'drift_dropped') },
    {
      when: 'of another job, which drops this one',
      only: ['pending', 'held', 'queued', 'offered', 'running'],
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
  'job.unsent': [
    { when: '', tell: unsent },
    { when: 'of a job that somebody cancelled', only: ['offered'], given: asked, tell: unsent },
  ],
  'step.status': [
    { when: '', tell: (scene) => scene.step(1, 7, 0, 'running') },
    {
      when: 'of a step that has ended',
      only: begun,
      given: { began: (scene) => void scene.step(1, 7, 0, 'success') },
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
    ...whileStopping('an agent of a scaler', (scene) => scene.lost(1, 7, true)),
    ...untaken('an agent of a scaler', (scene) => scene.lost(1, 7, true)),
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
    {
      when: 'on a session that is not newer',
      only: held,
      tell: (scene) => scene.back('agent.absent', 1, 7, 7),
    },
    ...whileStopping('', (scene) => scene.back('agent.absent', 1, 9, 7)),
    ...untaken('', (scene) => scene.back('agent.absent', 1, 9, 7)),
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
  'approval.requested': approvalCases['approval.requested'],
  'approval.answered': approvalCases['approval.answered'],
  'usage.reported': work('usage.reported'),
  'conversation.reported': work('conversation.reported'),
  'context.reported': work('context.reported'),
  'workspace.reported': work('workspace.reported'),
  'event.emitted': work('event.emitted'),
  'artifact.stored': work('artifact.stored'),
  'provenance.stored': work('provenance.stored'),
  'cache.stored': work('cache.stored'),
  'cache.restored': work('cache.restored'),
  'concurrency.reported': work('concurrency.reported'),
  'run.event': work('run.event'),
  'job.context': work('job.context'),
};
