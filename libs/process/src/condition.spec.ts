import { expect, test } from 'vitest';
import { eventually } from './condition.ts';

test('returns the first answer that holds', async () => {
  let asked = 0;
  const answer = await eventually(() => (++asked === 3 ? { asked } : undefined), { everyMs: 1 });
  expect(answer).toEqual({ asked: 3 });
  expect(await eventually(() => 0)).toBe(0);
});

test('says what did not hold, how long, and why', async () => {
  const cause = new Error('last reason');
  const failing = eventually(() => Promise.reject(cause), {
    withinMs: 30,
    everyMs: 5,
    what: 'an ack',
  });
  await expect(failing).rejects.toMatchObject({
    message: 'an ack did not hold within 30 ms',
    cause,
  });
});

test('ends though the probe never answers', async () => {
  const hanging = eventually(() => Promise.withResolvers<boolean>().promise, { withinMs: 30 });
  await expect(hanging).rejects.toThrow('the condition did not hold within 30 ms');
});
