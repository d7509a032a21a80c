/** How an agent runs a job: what it answers first, and in what order it reports. */
import { fail, skip } from '../check.ts';
import { numberOf, type RecordedFrame, textOf } from '../recorded-frame.ts';
import type { AgentCheck } from './agent-trial.ts';
import { done, ofType, secretValue } from './finished-job.ts';
import { inOrder } from './log-checks.ts';
import { isTerminal } from './manner.ts';

export const workChecks: readonly AgentCheck[] = [
  {
    name: 'ack-first',
    claim: '`job.ack` is the first word about a job, before any of its work.',
    section: 'job.ack',
    run: async (trial) => {
      const job = await trial.taken('quick');
      const [first] = trial.about(job);
      if (first?.type !== 'job.ack') fail('something else came first', first);
      await trial.ended(job);
      const [, second] = ofType(trial, job, 'job.ack');
      if (second !== undefined) fail('it was acknowledged twice', second);
    },
  },
  {
    name: 'ack-in-time',
    claim: 'A dispatch is answered within the deadline of 10 s.',
    section: 'job.dispatch: the deadline of its answer',
    run: async (trial) => {
      const job = await trial.taken('quick');
      const [first] = trial.about(job);
      const tookMs = Math.round((first?.atMs ?? 0) - job.sentMs);
      if (tookMs > trial.ackMs) fail(`the answer took ${tookMs} ms`, first);
      await trial.ended(job);
    },
  },
  {
    name: 'running-status',
    claim:
      '`job.status` `running` comes before every `step.status` and before the terminal status.',
    section: 'job.status',
    run: async (trial) => {
      const job = await done(trial, 'quick', 'success');
      const told = trial.about(job);
      const running = told.findIndex(
        (frame) => frame.type === 'job.status' && frame.fields['state'] === 'running',
      );
      if (running < 0) fail('it never came', told.at(-1));
      const early = told
        .slice(0, running)
        .find((frame) => frame.type === 'step.status' || isTerminal(frame));
      if (early !== undefined) fail('something came before it', early);
    },
  },
  {
    name: 'terminal-once',
    claim: 'A job ends with one terminal `job.status`, and nothing contradicts it.',
    section: 'job.status',
    run: async (trial) => {
      const job = await done(trial, 'quick', 'success');
      await trial.watch.until(
        () => ofType(trial, job, 'job.status').filter(isTerminal)[1],
        trial.quietMs,
      );
      const [, again] = ofType(trial, job, 'job.status').filter(isTerminal);
      if (again !== undefined) fail('a second terminal status came', again);
    },
  },
  {
    name: 'step-order',
    claim: 'Each step is `running` and then ended, one after the other, while the job runs.',
    section: 'step.status',
    run: async (trial) => {
      const job = await done(trial, 'quick', 'success');
      const told = ofType(trial, job, 'step.status').filter((frame) => !isHook(frame));
      const names = told.map(
        (frame) => `${numberOf(frame, 'stepIndex')} ${textOf(frame, 'state')}`,
      );
      const wanted = ['0 running', '0 success', '1 running', '1 success'];
      if (names.filter((name) => !name.endsWith('pending')).join() !== wanted.join())
        fail(
          `the order is ${names.join(', ') || 'empty'} instead of ${wanted.join(', ')}`,
          told.at(-1),
        );
      const nameless = told.find((frame) => textOf(frame, 'stepName') === '');
      if (nameless !== undefined) fail('a step has no name', nameless);
      const terminal = trial.about(job).find(isTerminal);
      const late = told.find(({ place }) => place > (terminal?.place ?? 0));
      if (late !== undefined) fail('a step was reported behind the end of the job', late);
    },
  },
  {
    name: 'step-type',
    claim: 'Where `step_type` is told, it is `step` for a step of the job.',
    section: 'step.status: step_type',
    run: async (trial) => {
      const job = await done(trial, 'quick', 'success');
      const wrong = ofType(trial, job, 'step.status').find(
        (frame) => !['', 'step'].includes(typeOf(frame)),
      );
      if (wrong !== undefined) fail('a step of the job has another type', wrong);
    },
  },
  {
    name: 'step-failure',
    claim: 'A step that fails is `failed`, fails the job, and the steps behind it do not run.',
    section: 'step.status and job.status',
    run: async (trial) => {
      const job = await done(trial, 'failing', 'failed');
      const failed = ofType(trial, job, 'step.status').find(
        (frame) => frame.fields['state'] === 'failed',
      );
      if (failed?.fields['stepIndex'] !== 0)
        fail('the step that failed was not reported as failed', failed);
      const ran = ofType(trial, job, 'step.status').find(
        (frame) =>
          frame.fields['stepIndex'] === 1 &&
          ['running', 'success'].includes(textOf(frame, 'state')),
      );
      if (ran !== undefined) fail('the step behind it ran', ran);
      if (trial.said(job).some((line) => line.includes('kit-never')))
        fail('the step behind it ran');
    },
  },
  {
    name: 'settings-reach-steps',
    claim: 'The environment of `jobConfig` and the `secrets` of the dispatch reach the steps.',
    section: 'job.dispatch: secrets',
    run: async (trial) => {
      const job = await done(trial, 'settings', 'success');
      inOrder(trial, job, ['kit-env-given', 'kit-secret-27']);
      const leak = trial
        .about(job)
        .find((frame) => JSON.stringify(frame.fields).includes(secretValue));
      if (leak !== undefined) fail('the secret itself came back', leak);
    },
  },
  {
    name: 'job-heartbeat',
    claim: 'Every 60 s a running job gives a `job.heartbeat`.',
    section: 'job.heartbeat',
    slow: 'a heartbeat of a job takes 60 s',
    run: async (trial) => {
      const job = await trial.taken('long');
      const beat = await trial.heard(job, 'job.heartbeat', { withinMs: jobHeartbeatWithinMs });
      if (beat.refusal !== undefined) fail('it does not fit its schema', beat);
      return beat.fields['messageId'] === undefined
        ? undefined
        : 'it has a `messageId`, which the protocol does not know';
    },
  },
  {
    name: 'hooks',
    claim: 'What runs as a hook is reported with the `step_type` of that hook.',
    section: 'step.status: step_type',
    run: async (trial) => {
      const job = await trial.taken('hooked');
      await trial.ended(job);
      const hooks = ofType(trial, job, 'step.status').filter(isHook);
      if (hooks.length === 0) skip('no step of the job is of a hook');
      const wrong = hooks.find(({ refusal }) => refusal !== undefined);
      if (wrong !== undefined) fail('it does not fit its schema', wrong);
      return [...new Set(hooks.map(typeOf))].join(', ');
    },
  },
];

const jobHeartbeatWithinMs = 70_000;

/** Existing agents put it into `data`. */
export function typeOf(frame: RecordedFrame): string {
  const data = frame.fields['data'];
  const inside: unknown =
    typeof data === 'object' && data !== null ? Reflect.get(data, 'step_type') : undefined;
  const type = frame.fields['step_type'] ?? inside ?? '';
  return typeof type === 'string' ? type : '';
}
const isHook = (frame: RecordedFrame): boolean => typeOf(frame).startsWith('hook:');
