/**
 * What one event of a run changes for a tier above, as the messages to forward: the difference between the run before and behind
 * it. What the fold judged void changes nothing and is not told. Pure; ids and times are the event's, so a message that is told
 * twice is the same.
 */
import { currentAttempt, type Job } from './job.ts';
import type { Run } from './run.ts';
import type { RunEvent } from './run-message.ts';
import { isTerminalJob } from './states.ts';
import type { Step } from './step.ts';
import { type Declared, executionView, jobView, stepView } from './upstream-view.ts';
import { isDeeper } from './wire/frame.ts';
import { wireLimits } from './wire/limits.ts';
import type { ExecutionStatus, JobStatusForward, StepStatusForward } from './wire/upstream.ts';

export type Forward = ExecutionStatus | JobStatusForward | StepStatusForward;

/** By this name every Waybill is one orchestrator to the tier above. */
const ORCHESTRATOR = 'waybill';
/** As JSON; what is longer is left out of a step's message, and stands in the log. */
const DATA_CHARS_MAX = 16_384;

/** In the order in which they are to be told: a beginning from the run down to its steps, an end from the steps up. */
export function forwardsOf(before: Run, event: RunEvent, after: Run): readonly Forward[] {
  if (after.created === null || event.type === 'unreadable') return [];
  const { runId } = after.created;
  const said = after.jobs.flatMap((job, index) => {
    const was = before.jobs[index];
    return was === job ? [] : jobForwards(was, job, event);
  });
  const execution = isRunMoved(before, after) ? executionView(after) : undefined;
  const all =
    execution === undefined ? said : [{ type: 'execution.status' as const, ...execution }, ...said];
  return all.map((each, index) => ({
    messageId: `${runId}:${event.seq}:${index}`,
    timestamp: event.at,
    ...each,
    runId,
  }));
}

type Unsent<T> = Omit<Declared<T>, 'messageId' | 'timestamp' | 'runId'>;
type JobSaid = Unsent<JobStatusForward> | Unsent<StepStatusForward>;

function jobForwards(was: Job | undefined, job: Job, event: RunEvent): readonly JobSaid[] {
  const view = jobView(job);
  const steps = movedSteps(was?.steps ?? [], job.steps).flatMap((step): JobSaid[] => {
    const said = stepView(step);
    if (said === undefined) return [];
    const { jobId, jobName } = view;
    const data = dataOf(step, event);
    return [{ type: 'step.status.forward', jobId, jobName, ...said, ...(data && { data }) }];
  });
  if (was !== undefined && JSON.stringify(jobView(was)) === JSON.stringify(view)) return steps;
  const { matrixValues } = job.spec;
  const moved: JobSaid = {
    type: 'job.status.forward',
    ...view,
    ...(matrixValues === undefined ? {} : { matrixValues }),
    orchestratorId: currentAttempt(job) === undefined ? null : ORCHESTRATOR,
  };
  return isTerminalJob(job.state) ? [...steps, moved] : [moved, ...steps];
}

/** Everything else that is said of a run is known from its beginning or comes with its state. */
const isRunMoved = (before: Run, after: Run): boolean => before.state !== after.state;

const movedSteps = (before: readonly Step[], after: readonly Step[]): readonly Step[] =>
  before === after
    ? []
    : after.filter(({ index, kind, state }) =>
        before.every((was) => was.index !== index || was.kind !== kind || was.state !== state),
      );

/** What the agent said beside the state, with which hook it is: an agent tells hooks and steps apart only by that. */
function dataOf(step: Step, event: RunEvent): Record<string, unknown> | undefined {
  const isItsOwn = event.type === 'step.status' && event.body.stepIndex === step.index;
  const said = isItsOwn ? event.body.data : undefined;
  const data: Record<string, unknown> = {
    ...(said !== undefined && fits(said) ? said : {}),
    ...(step.kind === 'step' ? {} : { step_type: step.kind }),
    ...(step.exitCode === null ? {} : { exitCode: step.exitCode }),
  };
  return Object.keys(data).length === 0 ? undefined : data;
}

/** What lies in the log from before a bound was there is not forwarded past it. */
const fits = (data: object): boolean =>
  !isDeeper(data, wireLimits.frameDepthMax - 1) && JSON.stringify(data).length <= DATA_CHARS_MAX;
