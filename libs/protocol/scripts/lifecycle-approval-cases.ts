/** What is said about approvals, in the cases that make a difference. */
import { JOB } from '../src/run.fixture.ts';
import { AFTER, about, approval, begun, type Case } from './lifecycle-givens.ts';
import type { Given, Scene } from './lifecycle-scene.ts';

const waits = ['held', 'running', 'recovering', 'cancelling'] as const;

/** The approval that is open, or was last. */
const idOf = (scene: Scene): string => scene.job().approvals.at(-1)?.id ?? `${JOB}-p1`;
const attemptOf = (scene: Scene): { attempt?: number } => {
  const attempt = scene.job().approvals.at(-1)?.attempt ?? 1;
  return attempt === 0 ? {} : { attempt };
};

type Decision = 'approve' | 'reject';
const vote = (scene: Scene, decision: Decision = 'approve', by = 'ada', of?: string): void =>
  void scene.add(
    'approval.answered',
    { approvalId: of ?? idOf(scene), by, teams: [], decision },
    { jobId: JOB },
  );
const unknown = `${JOB}-p9`;
type Outcome = 'approved' | 'rejected' | 'expired';
const resolve = (scene: Scene, outcome: Outcome, late = AFTER): void => {
  const dueAt = scene.job().approvals.at(-1)?.expiresAt ?? scene.at();
  const at = outcome === 'expired' ? { at: dueAt + late } : {};
  scene.add(
    'approval.resolved',
    { jobId: JOB, ...attemptOf(scene), approvalId: idOf(scene), outcome },
    { jobId: JOB, ...at },
  );
};

/** Ada is asked: for the job itself where it is held, else for a step. */
const asking = (then?: (scene: Scene) => void): Given => ({
  began: approval,
  held: { users: ['ada'] },
  ...(then === undefined ? {} : { then }),
});
const resumed = (scene: Scene, keepsApprovals: boolean): void =>
  void scene.add('agent.resumed', { previousSession: 7, keepsApprovals }, { ...about, session: 9 });

export const approvalCases = {
  'approval.requested': [
    { when: '', tell: approval },
    { when: 'once more', only: begun, given: { began: approval }, tell: approval },
    {
      when: 'once more on a later session, by an agent that still waits',
      only: ['running', 'cancelling'],
      given: { began: approval, then: (scene) => resumed(scene, true) },
      tell: (scene) =>
        void scene.add(
          'approval.requested',
          { messageId: 'm1', stepIndex: 0 },
          { ...about, session: 9 },
        ),
    },
  ],
  'approval.answered': [
    { when: 'nobody is asked that', tell: (scene) => vote(scene, 'approve', 'ada', unknown) },
    {
      when: 'by somebody who is asked',
      only: waits,
      given: asking(),
      tell: (scene) => vote(scene),
    },
    {
      when: 'by somebody else',
      only: waits,
      given: asking(),
      tell: (scene) => vote(scene, 'approve', 'eve'),
    },
    {
      when: 'once more',
      only: waits,
      given: asking((scene) => vote(scene)),
      tell: (scene) => vote(scene),
    },
  ],
  'approval.resolved': [
    {
      when: 'nobody is asked that',
      tell: (scene) =>
        void scene.add(
          'approval.resolved',
          { jobId: JOB, approvalId: unknown, outcome: 'approved' },
          { jobId: JOB },
        ),
    },
    {
      when: '`approved`, as people have said',
      only: waits,
      given: asking((scene) => vote(scene)),
      tell: (scene) => resolve(scene, 'approved'),
    },
    {
      when: '`rejected`, as one has said',
      only: waits,
      given: asking((scene) => vote(scene, 'reject')),
      tell: (scene) => resolve(scene, 'rejected'),
    },
    {
      when: '`approved`, while somebody is still to be heard',
      only: waits,
      given: asking(),
      tell: (scene) => resolve(scene, 'approved'),
    },
    {
      when: '`expired`, behind its time',
      only: waits,
      given: asking(),
      tell: (scene) => resolve(scene, 'expired'),
    },
    {
      when: '`expired`, before that',
      only: waits,
      given: asking(),
      tell: (scene) => resolve(scene, 'expired', 0),
    },
    {
      when: '`expired`, though people have said enough',
      only: waits,
      given: asking((scene) => vote(scene)),
      tell: (scene) => resolve(scene, 'expired'),
    },
    {
      when: 'a second time',
      only: begun,
      given: asking((scene) => {
        vote(scene);
        resolve(scene, 'approved');
      }),
      tell: (scene) => resolve(scene, 'approved'),
    },
    {
      when: 'a second time, to an agent that asked again on a later session',
      only: ['running', 'cancelling'],
      given: asking((scene) => {
        vote(scene);
        resolve(scene, 'approved');
        resumed(scene, true);
        scene.add(
          'approval.requested',
          { messageId: 'm1', stepIndex: 0 },
          { ...about, session: 9 },
        );
      }),
      tell: (scene) => resolve(scene, 'approved'),
    },
  ],
} as const satisfies Readonly<Record<string, readonly Case[]>>;
