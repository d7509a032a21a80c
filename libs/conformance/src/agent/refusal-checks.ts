/** What an agent does not take, and how it lets go of what it has: busy, draining, cancelled. */
import { fail, skip } from '../check.ts';
import { isRecord, type RecordedFrame } from '../recorded-frame.ts';
import type { AgentCheck, AgentTrial } from './agent-trial.ts';
import { isTerminal } from './manner.ts';

async function roomOf(trial: AgentTrial): Promise<number> {
  const register = await (await trial.registered()).next('agent.register');
  const said = register.fields['maxConcurrency'];
  return typeof said === 'number' ? said : 1;
}

export const refusalChecks: readonly AgentCheck[] = [
  {
    name: 'busy-reject',
    claim:
      'A dispatch beyond its room is answered with `job.reject` `busy`, and what runs goes on.',
    section: 'job.reject',
    run: async (trial) => {
      const room = await roomOf(trial);
      if (room > roomMax) skip(`it has room for ${room} jobs, more than the kit fills`);
      const first = await trial.taken('long');
      for (let more = 1; more < room; more += 1) await trial.taken('long');
      const over = trial.dispatch(await trial.registered(), 'quick');
      const reject = await trial.heard(over, 'job.reject', { what: 'a `job.reject`' });
      if (reject.fields['reason'] !== 'busy') fail('the reason is not `busy`', reject);
      const other = trial.about(over).find(({ type }) => type !== 'job.reject');
      if (other !== undefined) fail('it speaks of a job that it has rejected', other);
      const ended = trial.about(first).find(isTerminal);
      if (ended !== undefined) fail('the job that ran was given up for it', ended);
    },
  },
  {
    name: 'next-after-end',
    claim: 'After a job has ended the next one is taken.',
    section: 'job.dispatch',
    run: async (trial) => {
      await trial.works('the first of two');
      await trial.works('the second of two');
    },
  },
  {
    name: 'repeat-not-run',
    claim: 'The same dispatch again, while the job runs, is not run a second time.',
    section: 'job.reject',
    run: async (trial) => {
      const job = await trial.taken('ticking');
      await trial.says(job, 'kit-line-2');
      const { runId, jobId, fence } = job;
      trial.dispatch(job.line, 'ticking', {
        runId,
        jobId,
        ...(fence === undefined ? {} : { fence }),
      });
      await trial.ended(job);
      const begun = trial.said(job).filter((line) => /kit-line-0\b/.test(line)).length;
      if (begun !== 1) fail(`its step was run ${begun} times`);
    },
  },
  {
    name: 'cancel',
    claim: '`job.cancel` ends the job as `cancelled`, and the agent takes the next.',
    section: 'job.cancel',
    run: (trial) => cancels(trial, undefined),
  },
  {
    name: 'cancel-forced',
    claim: '`job.cancel` with `force` does so too.',
    section: 'job.cancel: force',
    run: (trial) => cancels(trial, true),
  },
  {
    name: 'cancel-unknown',
    claim: '`job.cancel` for a job that it does not have is not answered and does no harm.',
    section: 'job.cancel',
    run: async (trial) => {
      const job = await trial.taken('long');
      await trial.says(job, 'kit-begun');
      const line = await trial.registered();
      line.send({
        type: 'job.cancel',
        messageId: 'kit-cancel-nobody',
        runId: unknownJob,
        jobId: unknownJob,
        reason: 'not yours',
      });
      const told = await line.listen(trial.quietMs);
      const answer = told.find(({ fields }) => fields['jobId'] === unknownJob);
      if (answer !== undefined) fail('it was answered', answer);
      if (!line.isOpen) fail('the connection ended over it');
      const ended = trial.about(job).find(isTerminal);
      if (ended !== undefined) fail('another job was ended by it', ended);
    },
  },
  {
    name: 'draining',
    claim:
      'After SIGTERM a dispatch is answered with `job.reject` `draining`, and what runs may end.',
    section: 'job.reject: draining',
    run: async (trial) => {
      if (trial.process === undefined)
        skip('only an agent that was started with --exec can be told to end');
      const job = await trial.taken('ticking');
      await trial.says(job, 'kit-line-2');
      const line = await trial.registered();
      trial.process.terminate();
      trial.gone();
      await trial.watch.until(() => line.closed, drainNoticeMs);
      if (!line.isOpen) skip('it ends at once on SIGTERM, without draining');
      const late = trial.dispatch(line, 'quick');
      const answer = await trial.watch.until<RecordedFrame | 'gone'>(
        () => trial.about(late)[0] ?? (line.isOpen ? undefined : 'gone'),
        trial.withinMs,
      );
      if (answer === 'gone') return 'it hung up without an answer';
      if (answer?.type !== 'job.reject') fail('the dispatch was not rejected', answer);
      if (answer?.fields['reason'] !== 'draining') fail('the reason is not `draining`', answer);
      const status = await trial.ended(job);
      const data = status.fields['data'];
      return `what ran ended as ${String(status.fields['state'])}${isRecord(data) && data['error'] !== undefined ? ', with an error' : ''}`;
    },
  },
];

const roomMax = 8;
const drainNoticeMs = 500;
export const unknownJob = 'kit-job-of-nobody';

async function cancels(trial: AgentTrial, force: boolean | undefined): Promise<void> {
  const job = await trial.taken('long');
  await trial.says(job, 'kit-begun');
  trial.cancel(job, force);
  const status = await trial.ended(job);
  if (status.fields['state'] !== 'cancelled')
    fail('the job ended otherwise than `cancelled`', status);
  await trial.works('after a cancel');
}
