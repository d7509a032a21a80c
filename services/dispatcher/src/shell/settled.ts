/** What came of an append whose author goes on by itself: settled by whoever was first, or to be tried again. */
import type { Appended } from '@waybill/journal';
import type { Logger } from '@waybill/process';

export type Settled = Extract<Appended, { outcome: 'stored' | 'conflict' }>;

/** False, and told to the log, where it has to be tried again. */
export function isSettled(
  answer: Appended,
  log: Logger,
  about: Readonly<Record<string, string>>,
): answer is Settled {
  const { outcome } = answer;
  if (outcome === 'stored' || outcome === 'conflict') return true;
  const why = outcome === 'refused' ? { code: answer.code } : { err: answer.cause };
  log.warn({ ...about, outcome, ...why }, 'not appended; tried again');
  return false;
}
