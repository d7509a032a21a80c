/** What the invariants say of a world that has come to rest, or of one that something has gone wrong in before. */

import { answeredIsStored } from '../support/answer-invariants.ts';
import {
  attemptsAndFences,
  offersNamed,
  offersOnSight,
  oneResolution,
  terminalIsFinal,
} from '../support/attempt-invariants.ts';
import type { Evidence, Violation } from '../support/evidence.ts';
import type { RunStory } from '../support/run-story.ts';
import { begunOnce, dispatchedOnce, oneRunner, storedBefore } from '../support/work-invariants.ts';
import type { Ledger } from './ledger.ts';
import type { Observer } from './observer.ts';
import type { SimLog } from './sim-log.ts';
import { withoutOutdated, withoutPeople, withoutStrays } from './stray-story.ts';
import type { World } from './world.ts';

/** `rule`: of the design, without a number. `defect`: product code threw what nobody was to catch. */
export type SimViolation = Omit<Violation, 'invariant'> &
  Readonly<{ invariant: number | 'rule' | 'defect' }>;
export type Finding = SimViolation & Readonly<{ event: number }>;

export type SimEvidence = Readonly<{
  world: World;
  log: SimLog;
  observer: Observer;
  ledger: Ledger;
  /** What was seen while it happened. */
  watched: readonly SimViolation[];
}>;

export function judge({ world, log, observer, ledger, watched }: SimEvidence): readonly Finding[] {
  const event = world.events();
  const failure = world.failure();
  const placed = (violations: readonly SimViolation[]): readonly Finding[] =>
    violations.map((violation) => ({ ...violation, event }));
  if (failure !== undefined) {
    const what =
      failure instanceof Error ? (failure.stack ?? failure.message) : 'no error was thrown';
    return [{ invariant: 'defect', seq: null, what, event }];
  }
  const early = placed(observer.violations());
  if (early.length > 0) return early;
  const stories = observer.stories();
  const own = stories.map(withoutStrays);
  const replicas = log.isReplicated ? 3 : 1;
  const { diary, answers } = ledger;
  return placed([
    ...watched,
    ...stories.flatMap(everyRunEnded),
    ...stories.flatMap(oneResolution),
    ...own
      .map(withoutPeople)
      .map(withoutOutdated)
      .flatMap((story) => attemptsAndFences(story, replicas)),
    ...stories.flatMap(terminalIsFinal),
    ...own.flatMap(offersNamed),
    ...(log.isReplicated ? [] : own.flatMap(offersOnSight)),
    ...storedBefore(diary, stories),
    ...dispatchedOnce(diary, stories),
    ...oneRunner(diary, stories),
    ...begunOnce(diary, stories),
    ...answeredIsStored({ log: streamsOf(log), ledger: answers }, own),
  ]);
}

const everyRunEnded = ({ runId, end }: RunStory): readonly Violation[] =>
  end.completed === null
    ? [
        {
          invariant: 9,
          seq: end.seq,
          what: `run ${runId} has not ended: ${end.jobs.map(({ spec, state }) => `${spec.name} ${state}`).join(', ')}`,
        },
      ]
    : [];

const streamsOf = (log: SimLog): Evidence['log'] => ({
  WB_TRIGGERS: log.messages('WB_TRIGGERS'),
  WB_RUNS: log.messages('WB_RUNS'),
  WB_HEARTBEATS: [],
  WB_LOGS: [],
  WB_AGENTS: [],
  WB_CONFIG: [],
  WB_GATES: [],
  WB_DEAD: [],
});
