import { describe, expect, it } from 'vitest';
import { runEventBodies } from './run-event.ts';
import {
  isTerminalJob,
  isTerminalRun,
  isTerminalStep,
  JobState,
  jobWords,
  Outcome,
  outcomeOf,
  RunState,
  runWords,
  StepState,
} from './states.ts';
import { WireJobState } from './wire/job.ts';
import { WireStepState } from './wire/step.ts';

/** The words of the three systems whose records Waybill carries, each whole. */
const wire = [
  'pending',
  'queued',
  'running',
  'recovering',
  'cancelling',
  'success',
  'failed',
  'cancelled',
  'skipped',
  'timed_out_stale',
  'drift_dropped',
];
const dispatchRun = [
  'Pending',
  'AwaitingApproval',
  'Queued',
  'Running',
  'Completed',
  'Failed',
  'Cancelled',
];
const execution = [
  'Created',
  'Scheduled',
  'Running',
  'Suspended',
  'Succeeded',
  'Failed',
  'Cancelled',
];

describe('the table of the three vocabularies', () => {
  it('has a row for every state of jobs and of runs', () => {
    expect(Object.keys(jobWords).toSorted()).toEqual([...JobState.options].toSorted());
    expect(Object.keys(runWords).toSorted()).toEqual([...RunState.options].toSorted());
  });

  it('uses exactly the words of each vocabulary', () => {
    const words = Object.values(jobWords);
    expect(new Set(words.map((row) => row.wire))).toEqual(new Set(wire));
    expect(new Set(words.map((row) => row.dispatchRun))).toEqual(new Set(dispatchRun));
    expect(new Set(words.map((row) => row.execution))).toEqual(new Set(execution));
    for (const row of Object.values(runWords)) {
      expect(wire).toContain(row.wire);
      expect(dispatchRun).toContain(row.dispatchRun);
      expect(execution).toContain(row.execution);
    }
  });

  it('says of a run what it says of a job in the same state', () => {
    for (const state of RunState.options) expect(runWords[state]).toEqual(jobWords[state]);
  });
});

describe('the wire', () => {
  it('has 11 states of a job, all of them states here, under the same name', () => {
    expect(WireJobState.options).toEqual(wire);
    for (const state of WireJobState.options) expect(jobWords[state].wire).toBe(state);
  });

  it('and the stored job.status know the same states of jobs, and of steps', () => {
    const accepts = (type: 'job.status' | 'step.status', state: string): boolean =>
      runEventBodies[type].safeParse({ state, stepIndex: 0, stepName: 'x' }).success;
    expect(JobState.options.filter((state) => accepts('job.status', state)).toSorted()).toEqual(
      [...wire].toSorted(),
    );
    expect(WireStepState.options.filter((state) => accepts('step.status', state))).toEqual([
      ...StepState.options,
    ]);
  });
});

describe('terminal states', () => {
  it('of a job are those that a need can ask for, stale as failed', () => {
    const terminal = JobState.options.filter(isTerminalJob);
    expect(terminal).toEqual([
      'success',
      'failed',
      'cancelled',
      'skipped',
      'timed_out_stale',
      'drift_dropped',
    ]);
    expect(terminal.map(outcomeOf)).toEqual([
      'success',
      'failed',
      'cancelled',
      'skipped',
      'failed',
      'drift_dropped',
    ]);
    expect(JobState.options.filter((state) => outcomeOf(state) !== undefined)).toEqual(terminal);
    expect(new Set(terminal.map(outcomeOf))).toEqual(new Set(Outcome.options));
  });

  it('of runs and steps', () => {
    expect(RunState.options.filter(isTerminalRun)).toEqual(['success', 'failed', 'cancelled']);
    expect(StepState.options.filter(isTerminalStep)).toEqual([
      'success',
      'failed',
      'skipped',
      'cancelled',
    ]);
  });
});
