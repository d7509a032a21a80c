import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { eventually } from './condition.ts';
import { ConfigError } from './config-error.ts';
import type { Running } from './lifecycle.ts';
import { createLogger } from './logger.ts';
import { manualClock } from './manual-clock.ts';
import { Outage } from './outage.ts';
import { runUntilSignal } from './signal-run.ts';

function setup() {
  const destination = new PassThrough();
  const log = createLogger({ name: 'test', level: 'info', destination });
  const signals = new EventEmitter();
  const codes: number[] = [];
  return {
    o: { signals, log, exit: (code: number) => void codes.push(code) },
    codes,
    signals,
    logged: () => String(destination.read() ?? ''),
  };
}

const silent = Promise.withResolvers<Error>().promise;
const running = (over: Partial<Running> = {}): Running => ({
  stop: () => Promise.resolve(),
  failed: silent,
  ...over,
});

async function fail(failure: unknown): Promise<never> {
  throw failure;
}

describe('runUntilSignal', () => {
  test('stops on the first signal, exits with 0 and listens no more', async () => {
    const { o, codes, signals } = setup();
    const over = runUntilSignal(running(), o);
    signals.emit('SIGTERM');
    await over;
    expect(codes).toEqual([0]);
    expect(signals.eventNames()).toEqual([]);
  });

  test('exits with 1 when something was abandoned', async () => {
    const { o, codes, signals } = setup();
    const over = runUntilSignal(running({ stop: () => Promise.reject(new Error('abandoned')) }), o);
    signals.emit('SIGINT');
    await over;
    expect(codes).toEqual([1]);
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ])('a second signal, %s, ends it at once with %d', async (signal, code) => {
    const { o, codes, signals } = setup();
    const clock = manualClock();
    const stop = () => Promise.withResolvers<void>().promise;
    const over = runUntilSignal(running({ stop }), { ...o, clock });
    signals.emit('SIGTERM');
    signals.emit('SIGTERM');
    expect(codes, 'forwarded to the process group: the same wish').toEqual([]);
    await clock.advance(500);
    signals.emit(signal);
    await over;
    expect(codes).toEqual([code]);
  });

  test('a part that fails stops the rest and gives the exit code', async () => {
    const { o, codes, logged } = setup();
    await runUntilSignal(running({ failed: Promise.resolve(new Outage('nats-gone', 'gone')) }), o);
    expect(codes).toEqual([69]);
    expect(logged()).toContain('nats-gone');
  });

  test.each([
    [new ConfigError([{ variable: 'A', problem: 'is required' }]), 78],
    [new Outage('database-down', 'not there'), 69],
    [new Error('a defect'), 1],
    ['not even an error', 1],
  ])('a start that fails with %s is logged and exits with %d', async (failure, code) => {
    const { o, codes, logged } = setup();
    await runUntilSignal(() => fail(failure), o);
    expect(codes).toEqual([code]);
    expect(logged().trim().split('\n')).toHaveLength(1);
  });

  test('a signal during the start gives it up and exits with 0', async () => {
    const { o, codes, signals } = setup();
    const over = runUntilSignal(async (signal) => {
      await once(signal, 'abort');
      throw signal.reason;
    }, o);
    signals.emit('SIGINT');
    await over;
    expect(codes).toEqual([0]);
  });

  test('a defect is logged once and exits with 1', async () => {
    const { o, codes, signals, logged } = setup();
    const over = runUntilSignal(running(), o);
    signals.emit('unhandledRejection', new Error('nobody caught this'));
    signals.emit('uncaughtException', new Error('nor this'));
    await over;
    expect(codes).toEqual([1]);
    expect(logged().match(/"level":"fatal"/g)).toHaveLength(1);
  });
});

type Child = Readonly<{
  kill(signal: NodeJS.Signals): boolean;
  output(): string;
  closed: Promise<unknown[]>;
}>;

/** A real process with one part; `stopBody` is what its stop does. */
function launch(stopBody: string, after = ''): Child {
  const index = JSON.stringify(new URL('./index.ts', import.meta.url).href);
  const script = `
    import { createLogger, runUntilSignal, startParts, systemClock } from ${index};
    const log = createLogger({ name: 'child', level: 'info' });
    const timer = setInterval(() => undefined, 1000);
    const part = { name: 'part', start: async () => undefined, stop: async () => { ${stopBody} } };
    const o = { clock: systemClock, log, stopDeadlineMs: 300 };
    const start = (signal) => startParts([part], { ...o, signal });
    void runUntilSignal(start, { signals: process, log, exit: (code) => process.exit(code) });
    log.info('ready');
    ${after}`;
  const started = spawn(process.execPath, ['--input-type=module', '--eval', script]);
  const chunks: string[] = [];
  for (const stream of [started.stdout, started.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      chunks.push(chunk.toString());
    });
  }
  return {
    kill: (signal) => started.kill(signal),
    output: () => chunks.join(''),
    closed: once(started, 'close'),
  };
}

function ready(child: Child): Promise<true> {
  const said = () => child.output().includes('"msg":"ready"');
  return eventually<true>(() => said() && true, { what: 'a ready child', withinMs: 10_000 });
}

describe('a real process', () => {
  test('drains on SIGTERM and exits with 0', async () => {
    const child = launch(`log.info('drained')`);
    await ready(child);
    child.kill('SIGTERM');
    expect(await child.closed).toEqual([0, null]);
    expect(child.output()).toContain('drained');
  });

  test('exits with 1 and a name when a part hangs', async () => {
    const child = launch('await new Promise(() => undefined)');
    await ready(child);
    child.kill('SIGINT');
    expect(await child.closed).toEqual([1, null]);
    expect(child.output()).toContain('part abandoned');
  });

  test('ends at once on a second signal', async () => {
    const child = launch(
      `log.info('stopping part'); await new Promise((resolve) => setTimeout(resolve, 60_000))`,
    );
    await ready(child);
    child.kill('SIGTERM');
    await eventually(() => child.output().includes('stopping part'));
    child.kill('SIGINT');
    expect(await child.closed).toEqual([130, null]);
  });

  test.each([
    ['an unhandled rejection', `void Promise.reject(new Error('postgres://u:leak@h/db'))`],
    ['an uncaught exception', `setTimeout(() => { throw new Error('postgres://u:leak@h/db') }, 1)`],
  ])('logs %s once, masked, and exits with 1', async (_name, defect) => {
    const child = launch('', defect);
    await ready(child);
    expect(await child.closed).toEqual([1, null]);
    expect(child.output().match(/"msg":"defect"/g)).toHaveLength(1);
    expect(child.output()).not.toContain('leak');
  });
});
