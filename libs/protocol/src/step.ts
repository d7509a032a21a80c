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
  const { stepIndex } = event.body;
  const kind = kindOf(event);
  const known = steps.find((each) => each.index === stepIndex && each.kind === kind);
  if (known !== undefined && isTerminalStep(known.state)) return undefined;
  const others = steps.filter((each) => each !== known);
  const next = { ...stepOf(event, known), kind };
  return [...others, next].toSorted((a, b) => a.index - b.index || (a.kind < b.kind ? -1 : 1));
}

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
