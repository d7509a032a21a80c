/** How an agent sends its log: whole, in order, in small pieces, and before the end of its job. */
import { fail } from '../check.ts';
import { linesOf, type RecordedFrame, textOf } from '../recorded-frame.ts';
import type { AgentCheck, AgentTrial, SentJob } from './agent-trial.ts';
import { done, ofType, secretValue } from './finished-job.ts';
import { isTerminal } from './manner.ts';

const linesMax = 50;
/** So late a line may come that is too late. */
const lateMs = 600;
const steps: ReadonlySet<string> = new Set(['success', 'failed', 'skipped', 'cancelled']);
/** Fails where the wanted lines are not there in this order; others may lie between them. */
export function inOrder(trial: AgentTrial, job: SentJob, wanted: readonly string[]): void {
  const chunks = ofType(trial, job, 'log.chunk');
  const lines = chunks.flatMap(linesOf);
  wanted.reduce((from, line) => {
    const found = lines.findIndex((each, index) => index >= from && each.includes(line));
    if (found >= 0) return found + 1;
    const isThere = lines.some((each) => each.includes(line));
    return fail(
      `the line \`${line}\` ${isThere ? 'came out of its order' : 'did not come'}`,
      chunks.at(-1),
    );
  }, 0);
}

/** Every one of the numbered lines, once. */
export function onceEach(trial: AgentTrial, job: SentJob, count: number): void {
  const numbers = trial.said(job).flatMap((line) => /kit-line-(\d+)/.exec(line)?.[1] ?? []);
  const wanted = Array.from({ length: count }, (_, index) => String(index));
  const lost = wanted.filter((number) => !numbers.includes(number));
  if (lost.length > 0)
    fail(`${lost.length} of ${count} lines did not come, the first of them kit-line-${lost[0]}`);
  if (numbers.length > count) fail(`${numbers.length - count} lines came twice`);
  if (numbers.join() !== wanted.join()) fail('the lines came out of their order');
}

export const logChecks: readonly AgentCheck[] = [
  {
    name: 'log-lines',
    claim: 'What a step prints arrives in its order, under the index of the step.',
    section: 'log.chunk',
    run: async (trial) => {
      const job = await done(trial, 'quick', 'success');
      inOrder(trial, job, ['kit-line-1', 'kit-line-2', 'kit-line-3']);
      const chunk = ofType(trial, job, 'log.chunk').find((frame) =>
        linesOf(frame).some((line) => line.includes('kit-line-3')),
      );
      if (chunk?.fields['stepIndex'] !== 1)
        fail('a line of the second step has another index', chunk);
    },
  },
  {
    name: 'log-batches',
    claim: 'A `log.chunk` has at most 50 lines, and none is lost however fast they come.',
    section: 'log.chunk',
    run: async (trial) => {
      const job = await done(trial, 'chatty', 'success');
      const big = ofType(trial, job, 'log.chunk').find((frame) => linesOf(frame).length > linesMax);
      if (big !== undefined) fail(`a chunk has ${linesOf(big).length} lines`, big);
      // Whether they came in time is another check's question.
      await trial.watch.until(() => (trial.said(job).length >= 230 ? true : undefined), lateMs);
      onceEach(trial, job, 230);
    },
  },
  {
    name: 'last-lines-first',
    claim: 'The last lines of the log come before the terminal `job.status`.',
    section: 'log.chunk and job.status',
    run: async (trial) => {
      const job = await done(trial, 'chatty', 'success');
      const terminal = trial.about(job).find(isTerminal);
      const late = (): RecordedFrame | undefined =>
        ofType(trial, job, 'log.chunk').find(({ place }) => place > (terminal?.place ?? 0));
      await trial.watch.until(late, lateMs);
      const found = late();
      if (found !== undefined) fail('lines came behind the end of the job', found);
    },
  },
  {
    name: 'log-bytes-at-end',
    claim:
      '`logBytesStreamed` and the names in `secretsAccessed` come where a step has ended (told, not demanded).',
    section: 'step.status: secretsAccessed, logBytesStreamed',
    run: async (trial) => {
      const job = await done(trial, 'settings', 'success');
      const ends = ofType(trial, job, 'step.status').filter((frame) =>
        steps.has(textOf(frame, 'state')),
      );
      const names = ['secretsAccessed', 'logBytesStreamed'].filter((name) =>
        ends.some((frame) => frame.fields[name] !== undefined),
      );
      const values = ends.find((frame) =>
        JSON.stringify(frame.fields['secretsAccessed'] ?? '').includes(secretValue),
      );
      if (values !== undefined) fail('`secretsAccessed` has a value', values);
      return names.length === 0 ? 'it tells neither' : `it tells ${names.join(' and ')}`;
    },
  },
];
