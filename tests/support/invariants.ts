/**
 * The invariants of `docs/invariants.md` as pure functions over what a fault run leaves behind. Each gives the violations that
 * it finds, with the sequence of the message that shows it; an empty list is what has to come out when all is quiet again.
 */

import type { Job } from '@waybill/protocol';
import { answeredIsStored } from './answer-invariants.ts';
import {
  attemptsAndFences,
  decisionsExpect,
  offersNamed,
  offersOnSight,
  oneResolution,
  terminalIsFinal,
} from './attempt-invariants.ts';
import type { Evidence, Violation } from './evidence.ts';
import { acksCount, outageCostsNothing } from './outage-invariants.ts';
import { noLag, projectionIsFold, recordsHold } from './record-invariants.ts';
import { type Fold, type RunStory, runStories } from './run-story.ts';
import { noSecretInPlainText } from './secret-invariants.ts';
import { toldToStop } from './stop-invariants.ts';
import { oneTenant } from './tenant-invariants.ts';
import { begunOnce, dispatchedOnce, oneRunner, storedBefore } from './work-invariants.ts';

export type InvariantCheck = (
  evidence: Evidence,
  runs: readonly RunStory[],
) => readonly Violation[];

export const invariantChecks: Readonly<Record<number, InvariantCheck>> = {
  1: ({ diary }, runs) => [...runs.flatMap(oneResolution), ...dispatchedOnce(diary, runs)],
  2: ({ log, replicas }, runs) => [
    ...decisionsExpect(log.WB_RUNS),
    ...runs.flatMap(offersNamed),
    ...(replicas === 1 ? runs.flatMap(offersOnSight) : []),
    ...runs.flatMap((run) => attemptsAndFences(run, replicas)),
  ],
  3: (evidence, runs) => [
    ...oneRunner(evidence.diary, runs),
    ...begunOnce(evidence.diary, runs),
    ...toldToStop(evidence, runs),
  ],
  4: (_evidence, runs) => runs.flatMap(terminalIsFinal),
  5: answeredIsStored,
  6: projectionIsFold,
  7: recordsHold,
  8: noSecretInPlainText,
  9: (evidence, runs) => [...everyRunEnded(runs), ...noLag(evidence)],
  10: (evidence, runs) => [
    ...acksCount(evidence.diary, runs),
    ...outageCostsNothing(evidence, runs),
  ],
  12: oneTenant,
};

/** Everything at once, after quiet. */
export function violationsOf(evidence: Evidence, fold?: Fold): readonly Violation[] {
  const runs = runStories(evidence.log.WB_RUNS, fold);
  return [
    ...storedBefore(evidence.diary, runs),
    ...Object.values(invariantChecks).flatMap((check) => check(evidence, runs)),
  ];
}

const everyRunEnded = (runs: readonly RunStory[]): readonly Violation[] =>
  runs.flatMap(({ runId, end }) => {
    if (end.completed !== null) return [];
    const open = end.jobs.map(standing).join(', ');
    return [
      { invariant: 9, seq: end.seq, what: `run ${runId} has not ended: ${open || end.state}` },
    ];
  });

const standing = ({ spec, state, attempts }: Job): string =>
  [
    `${spec.name} ${state}`,
    ...spec.runsOn.map((label) => `[${label}]`),
    ...attempts.map(({ resolution, cause }) => `(${resolution} ${cause})`),
  ].join(' ');
