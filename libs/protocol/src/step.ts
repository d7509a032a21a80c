/** The steps of a job as its agent reports them: a step that has ended does not change, and none outlives its job. */
import { notBefore } from './instant.ts';
import type { RunEventOf } from './run-message.ts';
import type { JobState, StepState } from './states.ts';
import { isTerminalStep } from './states.ts';

export type Step = Readonly<{
  index: number;
  name: string;
  kind: string;
  state: StepState;
  startedAt: number | null;
  completedAt: number | null;
  exitCode: number | null;
  /** Names alone; values are never told. */
  secretsAccessed: readonly string[];
  logBytes: number;
}>;

/** The steps with what the fact says of one of them; undefined if that one has already ended. */
export function withStep(
  steps: readonly Step[],
  event: RunEventOf<'step.status'>,
): readonly Step[] | undefined {
  const place = { index: event.body.stepIndex, kind: kindOf(event) };
  const at = placeIn(steps, place);
  const there = steps[at];
  const known = there !== undefined && order(there, place) === 0 ? there : undefined;
  if (known !== undefined && isTerminalStep(known.state)) return undefined;
  const next = { ...stepOf(event, known), kind: place.kind };
  return steps.toSpliced(at, known === undefined ? 0 : 1, next);
}

type Place = Pick<Step, 'index' | 'kind'>;

/** Halved again and again: agents number their steps as they like, and every reader of the run folds what they say. */
function placeIn(steps: readonly Step[], place: Place): number {
  let [low, high] = [0, steps.length];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const there = steps[middle];
    if (there !== undefined && order(there, place) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

const order = (a: Place, b: Place): number => {
  if (a.index !== b.index) return a.index - b.index;
  return a.kind === b.kind ? 0 : a.kind < b.kind ? -1 : 1;
};

/** Agents that exist say which hook it is inside `data`, the published table beside it. */
function kindOf({ body }: RunEventOf<'step.status'>): string {
  const inData = body.data?.['step_type'];
  return body.step_type ?? (typeof inData === 'string' ? inData : 'step');
}

function stepOf(
  { body, at }: RunEventOf<'step.status'>,
  known: Step | undefined,
): Omit<Step, 'kind'> {
  const { stepIndex, stepName, state, data, secretsAccessed = [], logBytesStreamed } = body;
  const begun = state === 'pending' || state === 'skipped' ? null : at;
  const startedAt = known?.startedAt ?? begun;
  const exitCode = data?.['exitCode'];
  return {
    index: stepIndex,
    name: stepName,
    state,
    startedAt,
    completedAt: isTerminalStep(state) ? notBefore(startedAt, at) : null,
    exitCode: typeof exitCode === 'number' && isExitCode(exitCode) ? exitCode : null,
    secretsAccessed: accessed(known, secretsAccessed),
    logBytes: logBytesStreamed ?? known?.logBytes ?? 0,
  };
}

const NONE: readonly string[] = [];

function accessed(known: Step | undefined, names: readonly string[]): readonly string[] {
  const before = known?.secretsAccessed ?? NONE;
  return names.length === 0 ? before : [...new Set([...before, ...names])];
}

/** A job that ended closes the steps that its agent left open, as cancelled jobs of the protocol do. */
export function closedSteps(
  steps: readonly Step[],
  outcome: JobState,
  at: number,
): readonly Step[] {
  const left: StepState = outcome === 'success' || outcome === 'failed' ? outcome : 'cancelled';
  return steps.map((each) =>
    isTerminalStep(each.state)
      ? each
      : {
          ...each,
          state: each.state === 'pending' ? 'cancelled' : left,
          completedAt: notBefore(each.startedAt, at),
        },
  );
}

/** Windows has 32 bits without a sign. */
const isExitCode = (code: number): boolean => Number.isInteger(code) && Math.abs(code) < 2 ** 32;
