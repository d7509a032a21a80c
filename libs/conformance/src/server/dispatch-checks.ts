/** How a server gives out work: once for an attempt, to be answered in time, never under one name twice, and never forgotten. */
import { fail } from '../check.ts';
import { textOf } from '../recorded-frame.ts';
import type { ServerCheck } from './server-trial.ts';

const ackTimeoutMs = 2_000;
const slackMs = 250;

export const dispatchChecks: readonly ServerCheck[] = [
  {
    name: 'dispatch-valid',
    claim: '`job.dispatch` has every field that it must have, and each fits its schema.',
    section: 'job.dispatch',
    run: async (trial) => {
      const offer = await trial.offered(await trial.registered());
      if (offer.dispatch.refusal !== undefined) fail('it does not fit its schema', offer.dispatch);
      trial.say(offer, 'job.ack');
      trial.say(offer, 'job.status', { state: 'success' });
      await trial.ends(offer, 'success');
    },
  },
  {
    name: 'dispatch-once',
    claim: 'One attempt is dispatched once: agents do not recognise a repeat.',
    section: 'job.dispatch',
    run: async (trial) => {
      const { line } = (await trial.running()).agent;
      await line.listen(trial.quietMs);
      const [, again] = line.of('job.dispatch');
      if (again !== undefined) fail('it came again', again);
    },
  },
  {
    name: 'one-at-a-time',
    claim: 'An agent that says nothing of its room gets one job at a time.',
    section: 'agent.register: maxConcurrency',
    run: async (trial) => {
      const first = await trial.running();
      const { line, label } = first.agent;
      await trial.desk().start(label);
      await line.listen(trial.quietMs);
      const early = line.of('job.dispatch').find(({ fields }) => fields['jobId'] !== first.jobId);
      if (early !== undefined) fail('a second job came while it was at work', early);
      trial.say(first, 'job.status', { state: 'success' });
      line.send({
        type: 'agent.status',
        messageId: 'kit-s',
        agentId: first.agent.agentId,
        activeJobs: 0,
      });
      const next = await line.next('job.dispatch', {
        fits: ({ fields }) => fields['jobId'] !== first.jobId,
        what: 'the next job',
      });
      line.send({
        type: 'job.ack',
        messageId: 'kit-a',
        runId: next.fields['runId'],
        jobId: next.fields['jobId'],
        timestamp: 1,
      });
      line.send({
        type: 'job.status',
        messageId: 'kit-b',
        runId: next.fields['runId'],
        jobId: next.fields['jobId'],
        state: 'success',
        timestamp: 1,
      });
    },
  },
  {
    name: 'reject-offered-again',
    claim: 'A rejected job is offered again, under another `jobId`.',
    section: 'job.reject',
    run: async (trial) => {
      const first = await trial.offered(await trial.registered());
      const second = await trial.rejected(first);
      if (second.jobId === first.jobId)
        fail(
          'both attempts have one `jobId`, so that nobody can tell their reports apart',
          second.dispatch,
        );
      trial.say(second, 'job.ack');
      trial.say(second, 'job.status', { state: 'success' });
      await trial.ends(second, 'success');
    },
  },
  {
    name: 'stale-attempt',
    claim: 'What is said of an attempt that is over changes nothing.',
    section: 'job.status',
    run: async (trial) => {
      const first = await trial.offered(await trial.registered());
      const second = await trial.rejected(first);
      trial.say(second, 'job.ack');
      trial.say(first, 'job.status', { state: 'failed' });
      trial.say(second, 'job.status', { state: 'running' });
      trial.say(second, 'job.status', { state: 'success' });
      await trial.ends(second, 'success');
    },
  },
  {
    name: 'ack-deadline',
    claim:
      'A dispatch without an answer ends at its deadline: `job.cancel`, then 4031; when the agent is back the job is offered again.',
    section: 'job.dispatch: the deadline of its answer; Close codes: 4031',
    run: async (trial) => {
      const first = await trial.offered(await trial.registered(), { ackTimeoutMs });
      const { line } = first.agent;
      const closed = await line.end({
        withinMs: ackTimeoutMs + trial.withinMs,
        what: 'the end of an agent that does not answer',
      });
      if (closed.code !== 4031) fail(`the connection ended with ${closed.code}`);
      const waitedMs = closed.atMs - first.dispatch.atMs;
      if (waitedMs < ackTimeoutMs - slackMs)
        fail(
          `it ended after ${Math.round(waitedMs)} ms, before the deadline of ${ackTimeoutMs} ms`,
        );
      const [cancel] = line.of('job.cancel');
      if (cancel?.fields['jobId'] !== first.jobId)
        fail('no `job.cancel` for it preceded the end: the agent may yet run it', cancel);
      const second = await trial.again(first, await trial.registered({ as: first.agent }));
      if (second.jobId === first.jobId)
        fail('it was offered again under the same `jobId`', second.dispatch);
      trial.say(second, 'job.ack');
      trial.say(second, 'job.status', { state: 'success' });
      await trial.ends(second, 'success');
    },
  },
  {
    name: 'running-answers',
    claim: '`job.status` `running` answers a dispatch as `job.ack` does.',
    section: 'job.dispatch: the deadline of its answer',
    run: async (trial) => {
      const offer = await trial.offered(await trial.registered(), { ackTimeoutMs });
      trial.say(offer, 'job.status', { state: 'running' });
      const closed = await trial.watch.until(
        () => offer.agent.line.closed,
        ackTimeoutMs + trial.quietMs,
      );
      if (closed !== undefined) fail(`the connection ended with ${closed.code}`);
      trial.say(offer, 'job.status', { state: 'success' });
      await trial.ends(offer, 'success');
    },
  },
  {
    name: 'cancel-reaches',
    claim: 'A run that is cancelled sends `job.cancel` to its agent, and `cancelled` ends it.',
    section: 'job.cancel',
    run: async (trial) => {
      const offer = await trial.running();
      await trial.desk().cancel(offer.run);
      const cancel = await offer.agent.line.next('job.cancel');
      if (cancel.refusal !== undefined) fail('it does not fit its schema', cancel);
      if (textOf(cancel, 'jobId') !== offer.jobId || textOf(cancel, 'runId') !== offer.runId)
        fail('it names another job', cancel);
      trial.say(offer, 'job.status', { state: 'cancelled' });
      await trial.ends(offer, 'cancelled');
    },
  },
];
