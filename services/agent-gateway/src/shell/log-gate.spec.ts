import type { wire } from '@waybill/protocol';
import { expect, it } from 'vitest';
import { limits } from '../domain/limits.ts';
import { type Chunk, openLogGate } from './log-gate.ts';

const chunk = (o: Partial<wire.LogChunk>, bytes = 10): Chunk => ({
  message: {
    type: 'log.chunk',
    messageId: 'm',
    runId: 'r',
    jobId: 'j',
    stepIndex: 0,
    lines: ['x'],
    timestamp: 1,
    ...o,
  },
  raw: new Uint8Array(bytes),
});

/** A log that stores what waits only when it is told to, each job in its order. */
function slowLog(debt = { bytes: 0 }) {
  const gate = openLogGate(debt);
  const socket = {};
  const waiting: (() => Promise<void>)[] = [];
  const stored: string[] = [];
  return {
    stored,
    waits: () => waiting.length,
    take: (one: Chunk): boolean => {
      const taken = gate.take(socket, one, (kept) => {
        const { promise, resolve } = Promise.withResolvers<void>();
        waiting.push(async () => {
          const { message, raw } = kept();
          // What counts the lines is a frame like any other.
          if (raw.length > 10 && message.lines[0]?.startsWith('…') === true)
            expect(JSON.parse(new TextDecoder().decode(raw))).toEqual(message);
          stored.push(`${message.jobId}/${message.stepIndex} ${message.lines[0]}`);
          resolve();
          await promise;
        });
        return promise;
      });
      return taken !== undefined;
    },
    storeSome: async (count: number): Promise<void> => {
      for (const each of waiting.splice(0, count)) await each();
      await new Promise(setImmediate);
    },
  };
}

const big = Math.ceil(limits.pendingLogBytesMax / 10) + 1;

it('keeps every line while fewer wait than may', async () => {
  const log = slowLog();
  for (let index = 0; index < 1_000; index++) expect(log.take(chunk({}))).toBe(true);
  await log.storeSome(1_000);
  expect(log.stored).toHaveLength(1_000);
});

it('drops what comes past the bound, counted in one line in its place, until half of it is stored', async () => {
  const log = slowLog();
  for (let index = 0; index < 10; index++) log.take(chunk({ lines: [`kept ${index}`] }, big));
  // It is past the bound now: the first of these says so, the others add to it.
  expect(log.take(chunk({ lines: ['a', 'b'] }))).toBe(true);
  for (let index = 0; index < 100; index++) expect(log.take(chunk({ lines: ['c'] }))).toBe(false);
  await log.storeSome(4);
  expect(log.take(chunk({}))).toBe(false);
  await log.storeSome(2);
  expect(log.take(chunk({ lines: ['after'] }))).toBe(true);
  await log.storeSome(log.waits());
  expect(log.stored.slice(-3)).toEqual(['j/0 kept 9', 'j/0 … 103 lines dropped here', 'j/0 after']);
});

it('counts each step and each job for itself, and each gap where it was', async () => {
  const log = slowLog();
  for (let index = 0; index < 11; index++) log.take(chunk({ lines: ['kept'] }, big));
  log.take(chunk({ stepIndex: 1, lines: ['a'] }));
  log.take(chunk({ jobId: 'other', lines: ['a', 'b', 'c'] }));
  log.take(chunk({ stepIndex: 2 }));
  log.take(chunk({ stepIndex: 2 }));
  await log.storeSome(log.waits());
  log.take(chunk({ stepIndex: 2, lines: ['after'] }));
  await log.storeSome(1);
  expect(log.stored.slice(-5)).toEqual([
    'j/0 … 1 lines dropped here',
    'j/1 … 1 lines dropped here',
    'other/0 … 3 lines dropped here',
    'j/2 … 2 lines dropped here',
    'j/2 after',
  ]);
});

it('takes a chunk of any size where nothing waits', async () => {
  const log = slowLog();
  log.take(chunk({ lines: ['large'] }, limits.frameBytesMax));
  await log.storeSome(1);
  log.take(chunk({ lines: ['next'] }));
  await log.storeSome(1);
  expect(log.stored).toEqual(['j/0 large', 'j/0 next']);
});

it('leaves each socket less while all of them together owe much', () => {
  const debt = { bytes: limits.pendingBytesOfAllMax / 2 + 1 };
  const log = slowLog(debt);
  expect(log.take(chunk({ lines: Array(limits.crowdedLogLinesMax + 1).fill('x') }))).toBe(true);
  log.take(chunk({}));
  expect(log.take(chunk({}))).toBe(false);
});
