/** The sections of docs/events.md about what the fold knows: states in three vocabularies, resolutions, and reasons to be void. */
import type { Resolution } from '../src/attempt.ts';
import type { Unreadable } from '../src/envelope.ts';
import {
  isTerminalJob,
  isTerminalRun,
  isTerminalStep,
  JobState,
  jobWords,
  RunState,
  runWords,
  StepState,
} from '../src/states.ts';
import type { Void } from '../src/void.ts';
import { type Section, table } from './markdown.ts';

const jobMeanings: Readonly<Record<JobState, string>> = {
  pending: 'Waits for the jobs that it needs.',
  held: 'Waits for approval by people, before anybody is offered it.',
  waiting: 'Waits for a constraint across runs. Not reached yet.',
  queued:
    'Waits for an agent, for the end of a backoff, or for the lease of an agent that was given up.',
  offered: 'Offered to one session, which has not answered yet.',
  running: 'An agent took it up.',
  recovering: 'Its agent’s socket is gone; the agent may come back with it.',
  cancelling: 'It was told to stop, or its agent says that it stops.',
  success: 'Its agent says that it succeeded.',
  failed:
    'Its agent says so, or the agent was lost, or no agent took it up, a limit was over, or people did not approve it.',
  cancelled: 'It was stopped: by a person, or because a sibling failed.',
  skipped: 'What it needs ended otherwise.',
  timed_out_stale: 'It was silent for too long; counts as failed.',
  drift_dropped: 'A second evaluation of the workflow no longer had it.',
};

const runMeanings: Readonly<Record<RunState, string>> = {
  pending: 'No job has begun.',
  running: 'A job has begun.',
  cancelling: 'A person asked to stop it.',
  success: 'No job failed or was cancelled.',
  failed: 'A job failed or was stale.',
  cancelled: 'A job was cancelled, and none failed.',
};

const resolutions: Readonly<Record<Resolution, string>> = {
  accepted: 'The agent took it up: by an ack, or by any other word of the attempt but a reject.',
  rejected: 'The agent said `busy` or `draining`.',
  expired: 'No answer by the deadline.',
  withdrawn:
    'The agent came back without it or will not come back, its gateway is gone, or the job was cancelled.',
};

const voids: Readonly<Record<Void, string>> = {
  unreadable: 'It is no event at all: see below.',
  repeated: 'Its id has been seen in the run.',
  'before-created': 'The run does not exist yet.',
  'created-twice': 'The run exists already.',
  'foreign-run': 'Its body is about another run or org.',
  'after-end': 'The job or the run has ended.',
  'unknown-job': 'The run has no such job.',
  'stale-attempt': 'It is not about the current attempt.',
  'foreign-session': 'It does not come from the session that holds the attempt.',
  'not-offered': 'No offer is open.',
  'not-queued': 'The job is not waiting for an agent.',
  'not-pending': 'The job is not waiting for its needs.',
  'not-running': 'The job is not running.',
  'not-recovering': 'The agent is not missed.',
  'not-due': 'Its own time is not after the deadline, or there is none.',
  'not-later': 'It would move a deadline back.',
  'wrong-attempt': 'The attempt is not the next one.',
  'wrong-fence': 'The fence is not above the last one and below the offer.',
  'wrong-outcome': 'The jobs say otherwise, or the people who were asked.',
  'needs-open': 'The needs of the job do not say so, or not yet.',
  'step-ended': 'The step has ended.',
  'already-stopping': 'It is being stopped already, with as much force.',
  'not-stopping': 'It was not told to stop, or not with force; or it waits for nobody’s stop.',
  'not-waiting': 'The job does not wait for that.',
  'not-entitled': 'Whoever says it was not asked.',
  outdated: 'What it rests on was read too long before.',
};

const unreadables: Readonly<Record<Unreadable['code'], string>> = {
  'unknown-subject': 'It lies where nothing of this build lies.',
  'unknown-type': 'No event of this build lies on such a subject.',
  'bad-envelope': 'Its headers lack an id or a version, or have no number where one belongs.',
  'not-json': 'Its body is not JSON.',
  'invalid-body': 'Its body lacks what its type needs.',
  'newer-version': 'It was written by a newer version. Its reader stops instead of going on.',
};

const yesNo = (is: boolean): string => (is ? 'yes' : 'no');
const code = (text: string): string => `\`${text}\``;

const states: Section = () => {
  const words = ['`job.status`', 'dispatch run', 'execution'];
  const jobs = JobState.options.map((state) => {
    const { wire, dispatchRun, execution } = jobWords[state];
    return [
      code(state),
      jobMeanings[state],
      yesNo(isTerminalJob(state)),
      wire,
      dispatchRun,
      execution,
    ];
  });
  const runs = RunState.options.map((state) => {
    const { wire, dispatchRun, execution } = runWords[state];
    return [
      code(state),
      runMeanings[state],
      yesNo(isTerminalRun(state)),
      wire,
      dispatchRun,
      execution,
    ];
  });
  const steps = StepState.options.map((state) => [code(state), yesNo(isTerminalStep(state))]);
  const head = ['state', 'means', 'final', ...words];
  return `
## States

The last three columns are the words of the three vocabularies that Waybill carries: the orchestrator-agent protocol, dispatch runs, and
executions. What a vocabulary lacks takes its nearest word.

### Of a job

${table(head, jobs)}

### Of a run

${table(head, runs)}

### Of a step

${table(['state', 'final'], steps)}
`;
};

const offers: Section = () =>
  `## Resolutions of an offer\n\nEvery offer gets exactly one.\n\n${pairs(['resolution', 'means'], resolutions)}`;

const anomalies: Section = () =>
  `## Why an event is void\n\n${pairs(['reason', 'means'], voids)}\n\nWhat is unreadable is so for one of these reasons:\n\n${pairs(['code', 'means'], unreadables)}`;

const pairs = (head: readonly string[], rows: Readonly<Record<string, string>>): string =>
  table(
    head,
    Object.entries(rows).map(([key, meaning]) => [code(key), meaning]),
  );

export const stateSections: readonly Section[] = [states, offers, anomalies];
