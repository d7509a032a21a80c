/** What a server answers while a job runs: every request, in time, with what it can give or a refusal. */
import { fail } from '../check.ts';
import { textOf } from '../recorded-frame.ts';
import { ask } from './request.ts';
import type { Offer, ServerCheck } from './server-trial.ts';

const receiptMs = 5_000;

export const answerChecks: readonly ServerCheck[] = [
  {
    name: 'emit-receipt',
    claim: '`event.emit` has its receipt within 5 s: a `deliveryId` or an `error`.',
    section: 'event.emit, event.emit.response',
    run: async (trial) => {
      const offer = await trial.running();
      const answer = await ask(
        offer,
        'event.emit',
        { eventName: 'kit-event', payload: { count: 1 } },
        receiptMs,
      );
      return answer.fields['deliveryId'] === undefined
        ? `it is refused: ${textOf(answer, 'error')}`
        : 'it is stored';
    },
  },
  {
    name: 'concurrency',
    claim:
      '`job.concurrency.report` is answered with `proceed` or `cancel`: agents hang after `wait`.',
    section: 'job.concurrency.report, job.concurrency.ack',
    run: async (trial) => {
      const offer = await trial.running();
      const answer = await ask(offer, 'job.concurrency.report', {
        runId: offer.runId,
        group: 'kit',
      });
      if (!['proceed', 'cancel'].includes(textOf(answer, 'action')))
        fail('the answer is another', answer);
    },
  },
  {
    name: 'approval-resolved',
    claim: 'A step’s approval is told when somebody has decided, and not before.',
    section: 'step.approval-request, step.approval-resolved',
    run: async (trial) => {
      const offer = await trial.running();
      const { line } = offer.agent;
      const request = approvalOf(offer);
      line.send(request);
      const early = (await line.listen(trial.quietMs)).find(
        ({ type }) => type === 'step.approval-resolved',
      );
      if (early !== undefined) fail('it was answered before anybody has decided', early);
      const { approvals } = await trial.until(
        offer,
        'nobody is asked for the approval',
        (run) => run.approvals.length > 0,
      );
      await trial.desk().decide(approvals[0] ?? '', 'approve');
      const answer = await line.next('step.approval-resolved');
      if (textOf(answer, 'requestId') !== request.messageId)
        fail('it answers another request', answer);
      if (textOf(answer, 'outcome') !== 'approved') fail('the outcome is another', answer);
      if (answer.fields['stepIndex'] !== 0) fail('it names another step', answer);
    },
  },
  {
    name: 'requests-of-strangers',
    claim: 'A request for a job that the agent does not have is answered with a refusal.',
    section: 'cache.*, event.emit, step.approval-request',
    run: async (trial) => {
      const agent = await trial.registered();
      const nobody = {
        agent,
        jobId: 'kit-job-of-nobody',
        runId: 'kit-run-of-nobody',
        run: '',
        dispatch: agent.ack,
      };
      const restore = await ask(nobody, 'cache.user.restore.request', { key: 'kit' });
      if (restore.fields['hit'] !== false) fail('something was found for it', restore);
      const emit = await ask(nobody, 'event.emit', { eventName: 'kit', payload: {} }, receiptMs);
      if (emit.fields['deliveryId'] !== undefined) fail('its event was stored', emit);
      const { requestId: _, ...approval } = { requestId: '', ...approvalOf(nobody) };
      agent.line.send(approval);
      const answer = await agent.line.next('step.approval-resolved');
      if (textOf(answer, 'outcome') === 'approved') fail('it was approved', answer);
    },
  },
];

export const approvalOf = ({ runId, jobId }: Pick<Offer, 'runId' | 'jobId'>) => ({
  type: 'step.approval-request',
  messageId: `kit-approval-${jobId}`,
  runId,
  jobId,
  stepIndex: 0,
  stepName: 'kit',
  clauses: [],
  reason: 'the kit asks',
});
