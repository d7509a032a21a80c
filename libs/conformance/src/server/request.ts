/** A request of a job, and the answer that belongs to it. */
import { fail } from '../check.ts';
import { type RecordedFrame, textOf } from '../recorded-frame.ts';
import type { Offer } from './server-trial.ts';

export type Request = Readonly<Record<string, unknown>>;

let asked = 0;

/** Sends the request of the job and waits for its answer. */
export async function ask(
  { agent, jobId }: Offer,
  type: string,
  more: Request,
  withinMs?: number,
): Promise<RecordedFrame> {
  asked += 1;
  const id = `kit-request-${asked}`;
  const [idName, answerType] =
    type === 'event.emit'
      ? ['requestId', 'event.emit.response']
      : ['messageId', answerTypes[type] ?? type.replace(/request$/, 'response')];
  agent.line.send({ type, [idName]: id, jobId, ...more });
  const answer = await agent.line.next(answerType, {
    fits: (frame) => textOf(frame, 'requestId') === id,
    what: `\`${answerType}\` to \`${type}\``,
    ...(withinMs === undefined ? {} : { withinMs }),
  });
  if (answer.refusal !== undefined) fail('it does not fit its schema', answer);
  return answer;
}
const answerTypes: Readonly<Record<string, string>> = {
  'job.concurrency.report': 'job.concurrency.ack',
  'step.approval-request': 'step.approval-resolved',
  'artifact.upload.complete': 'artifact.upload.result',
};
