import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { type Part, StopIncomplete, startParts } from './lifecycle.ts';
import { createLogger } from './logger.ts';
import { manualClock } from './manual-clock.ts';

function setup() {
  const destination = new PassThrough();
  const log = createLogger({ name: 'test', level: 'info', destination });
  const clock = manualClock();
  const events: string[] = [];
  const part = (name: string, over: Partial<Part> = {}): Part => ({
    name,
    start: async () => void events.push(`+${name}`),
    stop: async () => void events.push(`-${name}`),
    ...over,
  });
  return { log, clock, events, part, logged: () => String(destination.read() ?? '') };
}

const never = (): Promise<void> => Promise.withResolvers<void>().promise;

/** Takes the rejection at once, so that it is never unhandled while the clock moves. */
const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'no failure',
    (error: unknown) => error,
  );

describe('startParts', () => {
  test('starts in order and stops in reverse, once', async () => {
    const { log, clock, events, part } = setup();
    const running = await startParts([part('a'), part('b'), part('c')], { clock, log });
    await Promise.all([running.stop(), running.stop()]);
    await running.stop();
    expect(events).toEqual(['+a', '+b', '+c', '-c', '-b', '-a']);
    expect(clock.pending()).toBe(0);
  });

  test('stops what has started when a part fails, and throws that failure', async () => {
    const { log, clock, events, part, logged } = setup();
    const failure = new Error('port taken');
    const parts = [
      part('a'),
      part('b'),
      part('c', { start: () => Promise.reject(failure) }),
      part('d'),
    ];
    await expect(startParts(parts, { clock, log })).rejects.toBe(failure);
    expect(events).toEqual(['+a', '+b', '-b', '-a']);
    expect(logged()).toContain('"part":"c"');
  });

  test('gives up the start on a signal, also of a part that does not listen', async () => {
    const { log, clock, events, part } = setup();
    const abort = new AbortController();
    const reason = new Error('stop wanted');
    const starting = startParts([part('a'), part('deaf', { start: never }), part('c')], {
      clock,
      log,
      signal: abort.signal,
      stopDeadlineMs: 1_000,
    });
    const failure = failureOf(starting);
    await clock.advance(0);
    abort.abort(reason);
    await clock.advance(1_000);
    expect(await failure).toBe(reason);
    expect(events).toEqual(['+a', '-a']);
  });

  test('passes the wish to stop to the part that is starting', async () => {
    const { log, clock, part } = setup();
    const abort = new AbortController();
    const reason = new Error('stop wanted');
    const listening = part('listening', { start: (signal) => clock.sleep(60_000, signal) });
    const starting = startParts([listening], { clock, log, signal: abort.signal });
    const failure = failureOf(starting);
    await clock.advance(0);
    abort.abort(reason);
    expect(await failure).toBe(reason);
    expect(clock.pending()).toBe(0);
  });

  test('reports the first failure of a running part', async () => {
    const { log, clock, part } = setup();
    let report: ((error: Error) => void) | undefined;
    const fragile = part('fragile', {
      start: async (_signal, fail) => {
        report = fail;
      },
    });
    const running = await startParts([fragile], { clock, log });
    report?.(new Error('first'));
    report?.(new Error('second'));
    await expect(running.failed).resolves.toMatchObject({ message: 'first' });
  });
});

describe('stop', () => {
  test('abandons by name what does not end in time, and still stops the others', async () => {
    const { log, clock, events, part, logged } = setup();
    const parts = [part('database'), part('stuck', { stop: never }), part('server')];
    const running = await startParts(parts, { clock, log, stopDeadlineMs: 10_000 });
    const failure = failureOf(running.stop());
    await clock.advance(10_000);
    const incomplete = { code: 'stop-incomplete', abandoned: ['stuck'], broken: [] };
    expect(await failure).toMatchObject(incomplete);
    expect(events.slice(3)).toEqual(['-server', '-database']);
    expect(logged()).toMatch(/"part":"stuck".*part abandoned/);
  });

  test('ends within its deadline though every part hangs', async () => {
    const { log, clock, part } = setup();
    const parts = ['a', 'b', 'c', 'd'].map((name) => part(name, { stop: never }));
    const running = await startParts(parts, { clock, log, stopDeadlineMs: 1_000 });
    const failure = failureOf(running.stop());
    await clock.advance(1_000);
    expect(await failure).toMatchObject({ abandoned: ['d', 'c', 'b', 'a'] });
    expect(clock.monotonicMs()).toBe(1_000);
  });

  test('goes on past a part whose stop fails, and reports it', async () => {
    const { log, clock, events, part } = setup();
    const broken = part('broken', { stop: () => Promise.reject(new Error('no')) });
    const thrower = part('thrower', {
      stop: () => {
        throw new Error('at once');
      },
    });
    const running = await startParts([part('a'), broken, thrower], { clock, log });
    await expect(running.stop()).rejects.toBeInstanceOf(StopIncomplete);
    await expect(running.stop()).rejects.toMatchObject({ broken: ['thrower', 'broken'] });
    expect(events.slice(3)).toEqual(['-a']);
  });

  test('aborts the signal of a part once it has stopped, not before', async () => {
    const { log, clock, part } = setup();
    const seen: boolean[] = [];
    let signal: AbortSignal | undefined;
    const looping = part('looping', {
      start: async (given) => {
        signal = given;
      },
      stop: async () => void seen.push(signal?.aborted ?? true),
    });
    const running = await startParts([looping], { clock, log });
    await running.stop();
    expect([...seen, signal?.aborted]).toEqual([false, true]);
  });
});
