import { systemClock } from '@waybill/process';
import { expect, it } from 'vitest';
import { pageAnswer, within } from './read-model-query.ts';

it('an answer in time is the answer, a late one an outage', async () => {
  await expect(within(systemClock, 1_000, Promise.resolve(7))).resolves.toBe(7);
  const never = Promise.withResolvers<never>().promise;
  await expect(within(systemClock, 5, never)).rejects.toMatchObject({
    name: 'Outage',
    code: 'too-slow',
  });
});

it('a cursor that no list has given is a mistake in the query', () => {
  expect(pageAnswer({ code: 'bad-cursor' })).toMatchObject({
    code: 'query-invalid',
    errors: [{ path: 'cursor' }],
  });
  expect(pageAnswer({ items: [1], next: null })).toEqual({
    status: 200,
    body: { items: [1], next: null },
  });
});
