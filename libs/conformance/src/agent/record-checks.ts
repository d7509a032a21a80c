/** What holds for everything that the agent has sent in the whole trial. */
import { wire } from '@waybill/protocol';
import { fail } from '../check.ts';
import { issuesOf, type RecordedFrame, textOf } from '../recorded-frame.ts';
import type { AgentCheck } from './agent-trial.ts';
import { isTerminal } from './manner.ts';
import { unknownJob } from './refusal-checks.ts';

const early: ReadonlySet<string> = new Set(['heartbeat', 'config.ack']);

export const recordChecks: readonly AgentCheck[] = [
  {
    name: 'frames-valid',
    claim: 'Every frame is of a known type, for this direction, and fits its schema.',
    section: 'The whole protocol',
    run: async (trial) => {
      const wrong = trial.frames().find(({ refusal }) => refusal !== undefined);
      if (wrong?.refusal !== undefined) fail(issuesOf(wrong.refusal), wrong);
    },
  },
  {
    name: 'frames-text',
    claim: 'Every frame is a text frame of at most 25 MiB.',
    section: 'Envelope, Limits',
    run: async (trial) => {
      const wrong = trial
        .frames()
        .find(({ isText, bytes }) => !isText || bytes > wire.wireLimits.frameBytesMax);
      if (wrong !== undefined)
        fail(wrong.isText ? `it has ${wrong.bytes} bytes` : 'it is binary', wrong);
    },
  },
  {
    name: 'message-ids-distinct',
    claim: 'Two different frames never have one `messageId`.',
    section: 'Envelope: messageId',
    run: async (trial) => {
      const bodies = new Map<string, string>();
      for (const frame of trial.frames()) {
        const key = `${frame.type} ${textOf(frame, 'messageId')}`;
        if (textOf(frame, 'messageId') === '') continue;
        const body = bodyOf(frame);
        if ((bodies.get(key) ?? body) !== body) fail('another frame had this `messageId`', frame);
        bodies.set(key, body);
      }
    },
  },
  {
    name: 'register-once',
    claim: 'On one connection it registers once.',
    section: 'agent.register',
    run: async (trial) => {
      for (const { line } of trial.stand.visits) {
        const [, again] = line.of('agent.register');
        if (again !== undefined) fail('a second `agent.register` came', again);
      }
    },
  },
  {
    name: 'heartbeat-registered',
    claim: 'No heartbeat comes before the registration.',
    section: 'heartbeat',
    run: async (trial) => {
      for (const { line } of trial.stand.visits) {
        const registered = line.of('agent.register')[0]?.place ?? Number.POSITIVE_INFINITY;
        const wrong = line.frames.find(({ type, place }) => early.has(type) && place < registered);
        if (wrong !== undefined) fail('it came before `agent.register`', wrong);
      }
    },
  },
  {
    name: 'jobs-known',
    claim: 'It speaks only of jobs that it was given.',
    section: 'job.*',
    run: async (trial) => {
      const known = new Set([
        ...trial.sent.map(({ jobId }) => jobId),
        unknownJob,
        'kit-job-invalid',
      ]);
      const wrong = trial
        .frames()
        .find((frame) => textOf(frame, 'jobId') !== '' && !known.has(textOf(frame, 'jobId')));
      if (wrong !== undefined) fail('nobody gave it this job', wrong);
    },
  },
  {
    name: 'run-of-job',
    claim: 'What it says of a job names the run of that job.',
    section: 'job.*: runId',
    run: async (trial) => {
      const runs = new Map(trial.sent.map(({ jobId, runId }) => [jobId, runId]));
      const wrong = trial.frames().find((frame) => {
        const runId = runs.get(textOf(frame, 'jobId'));
        return (
          runId !== undefined && textOf(frame, 'runId') !== '' && frame.fields['runId'] !== runId
        );
      });
      if (wrong !== undefined) fail('it names another run', wrong);
    },
  },
  {
    name: 'silent-after-end',
    claim: 'After the terminal status nothing of the work follows: no step, no running.',
    section: 'job.status, step.status',
    run: async (trial) => {
      const ends = new Map<string, number>();
      for (const frame of trial.frames()) {
        const jobId = textOf(frame, 'jobId');
        if (isTerminal(frame))
          ends.set(jobId, Math.min(ends.get(jobId) ?? frame.place, frame.place));
        const end = ends.get(jobId);
        const isWork =
          frame.type === 'step.status' ||
          (frame.type === 'job.status' && frame.fields['state'] === 'running');
        if (end !== undefined && isWork && frame.place > end)
          fail('it came behind the end of the job', frame);
      }
    },
  },
];

/** Without what a frame that is sent again may say anew. */
function bodyOf({ fields }: RecordedFrame): string {
  const { timestamp: _, ...rest } = fields;
  return JSON.stringify(rest, Object.keys(rest).toSorted());
}
