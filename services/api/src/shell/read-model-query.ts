/** Questions to Postgres: bounded in time, and an outage by name when it does not answer. */
import { type Clock, Outage } from '@waybill/process';
import { type BadCursor, isBadCursor, type Page, type ReadModel } from '@waybill/readmodel';
import type { Problem } from '../domain/problems.ts';
import { type Answer, ok } from './answer.ts';
import type { ApiContext } from './api-context.ts';

export async function queryReadModel<T>(
  api: Pick<ApiContext, 'readModel' | 'bounds' | 'clock'>,
  ask: (db: ReadModel['db']) => Promise<T>,
): Promise<T> {
  const answer = ask(api.readModel.db).catch((cause: unknown) => {
    throw new Outage('read-model-unavailable', 'the read model did not answer', { cause });
  });
  return within(api.clock, api.bounds.queryMs, answer);
}

/** The work itself goes on: whoever started it has bounded it too. */
export async function within<T>(clock: Clock, ms: number, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = clock.after(ms, () =>
    late.reject(new Outage('too-slow', `no answer within ${ms} ms`)),
  );
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    timer.cancel();
  }
}

export const pageAnswer = <T>(page: Page<T> | BadCursor): Answer | Problem =>
  isBadCursor(page) ? badCursor : ok(page);

export const badCursor: Problem = {
  code: 'query-invalid',
  errors: [{ path: 'cursor', message: 'is not one that a list here has given' }],
};
