/** What the cases of docs/run-lifecycle.md are made of: what is so beforehand, and in which states it makes a difference. */
import { JOB } from '../src/run.fixture.ts';
import type { RetryPolicy } from '../src/run-created.ts';
import type { JobState } from '../src/states.ts';
import { type Given, LIMIT_MS, type Scene } from './lifecycle-scene.ts';

export type Case = Readonly<{
  /** Empty for the usual case. */
  when: string;
  /** Only in these states does it make a difference. */
  only?: readonly JobState[];
  given?: Given;
  tell: (scene: Scene) => void;
}>;

export const AFTER = 1;
export const about = { jobId: JOB, attempt: 1, session: 7, agentId: 'agent-7' };
export const at = (moment: number) => ({ jobId: JOB, at: moment });

export const retries: RetryPolicy[] = [
  {
    on: ['failed', 'agent_lost', 'timed_out_stale', 'job_timeout'],
    max: 1,
    backoffMs: 1_000,
    backoffMaxMs: 1_000,
  },
];
export const again: Given = { shape: { retries } };
export const lastOffer: Given = { run: { offersMax: 1 } };
export const asked: Given = { then: (scene) => void scene.asked() };
export const askedAgain: Given = { ...again, ...asked };
export const forced: Given = { then: (scene) => void scene.stop(1, { force: true }) };
export const limited: Given = { shape: { timeoutMs: LIMIT_MS } };
export const overLimit: Given = { ...limited, stop: 'job_timeout' };
export const overLimitAgain: Given = { ...overLimit, shape: { timeoutMs: LIMIT_MS, retries } };
export const ownWord: Given = { stop: 'own word' };
export const ownWordAgain: Given = { ...ownWord, ...again };
export const held = ['offered', 'running', 'recovering', 'cancelling'] as const;
export const begun = ['running', 'recovering', 'cancelling'] as const;
/** Where work that ends is done again: what is being stopped is not. */
export const undisturbed = ['running', 'recovering'] as const;

/** A case within a case. */
export const caseOf = (when: string, how: string): string =>
  when === '' ? how : `${when}, ${how}`;

/** Its agent is given up while it is to stop: it ends as that was meant, and only for its own limit is it done again. */
export const whileStopping = (when: string, tell: Case['tell']): readonly Case[] => [
  ...(
    [
      ['told to stop, with retries left', again],
      ['stopped at its own limit', overLimit],
      ['stopped at its own limit, with retries left', overLimitAgain],
      ['cancelling by its agent’s own word alone', ownWord],
      ['cancelling by its agent’s own word alone, with retries left', ownWordAgain],
      [
        'cancelling by its agent’s own word, of a job that somebody cancelled',
        { ...ownWord, ...askedAgain },
      ],
    ] as const
  ).map(([how, given]): Case => ({ when: caseOf(when, how), only: ['cancelling'], given, tell })),
  {
    when: caseOf(when, 'of a job that somebody cancelled, with retries left'),
    only: undisturbed,
    given: askedAgain,
    tell,
  },
];

/** A step asks for `ada`. */
export const approval = (scene: Scene): void =>
  void scene.add(
    'approval.requested',
    { messageId: 'm1', stepIndex: 0, clauses: [{ user: 'ada' }] },
    about,
  );
