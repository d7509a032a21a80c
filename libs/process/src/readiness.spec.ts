import { expect, test } from 'vitest';
import { manualClock } from './manual-clock.ts';
import { readiness } from './readiness.ts';

const good = { name: 'nats', check: () => ({ ready: true }) };

test('is ready when every check is, and not when there is one that is not', async () => {
  expect(await readiness([good]).ready()).toEqual({
    ready: true,
    checks: [{ name: 'nats', ready: true }],
  });
  const lagging = { name: 'lag', check: async () => ({ ready: false, reason: '900 behind' }) };
  expect(await readiness([good, lagging]).ready()).toEqual({
    ready: false,
    checks: [
      { name: 'nats', ready: true },
      { name: 'lag', ready: false, reason: '900 behind' },
    ],
  });
});

test('a check that throws is not ready, and its secrets stay where they are', async () => {
  const broken = {
    name: 'postgres',
    check: () => {
      throw new Error('cannot reach postgres://u:leak@h/db');
    },
  };
  const report = await readiness([broken]).ready();
  expect(report.ready).toBe(false);
  expect(report.checks[0]?.reason).toBe('cannot reach postgres://[redacted]@h/db');
});

test('a check that does not answer in time is not ready', async () => {
  const clock = manualClock();
  const hanging = {
    name: 'slow',
    check: () => Promise.withResolvers<{ ready: boolean }>().promise,
  };
  const report = readiness([hanging, good], { clock, timeoutMs: 500 }).ready();
  await clock.advance(500);
  expect(await report).toMatchObject({
    ready: false,
    checks: [{ reason: 'no answer within 500 ms' }, { ready: true }],
  });
  expect(clock.pending()).toBe(0);
});

test('draining makes it not ready for good', async () => {
  const gate = readiness([good]);
  gate.drain();
  expect(await gate.ready()).toEqual({
    ready: false,
    checks: [
      { name: 'lifecycle', ready: false, reason: 'draining' },
      { name: 'nats', ready: true },
    ],
  });
});
