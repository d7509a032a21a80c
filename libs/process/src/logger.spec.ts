import { spawnSync } from 'node:child_process';
import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createLogger, type LoggerOptions } from './logger.ts';
import { registerSecretValue } from './secret-value.ts';
import { newTraceparent, parseTraceparent } from './trace.ts';

const isoTime: unknown = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/);
const anyText: unknown = expect.any(String);

function capture(options: Partial<LoggerOptions> = {}) {
  const destination = new PassThrough();
  const log = createLogger({
    name: 'dispatcher',
    level: 'debug',
    version: '1.2.3',
    destination,
    ...options,
  });
  const text = (): string => String(destination.read() ?? '');
  return { log, text, line: (): unknown => z.json().parse(JSON.parse(text())) };
}

describe('a log line', () => {
  test('is one JSON object with the agreed members', () => {
    const { log, line } = capture();
    const traceparent = newTraceparent();
    log.info({ runId: 'run-1', traceparent, attempt: 2 }, 'offered');
    expect(line()).toEqual({
      level: 'info',
      time: isoTime,
      service: 'dispatcher',
      version: '1.2.3',
      run_id: 'run-1',
      trace_id: parseTraceparent(traceparent)?.traceId,
      span_id: parseTraceparent(traceparent)?.spanId,
      attempt: 2,
      msg: 'offered',
    });
  });

  test('takes a message alone, and an error alone', () => {
    const { log, line } = capture();
    log.warn('careful');
    expect(line()).toMatchObject({ level: 'warn', msg: 'careful' });
    log.error(new Error('broken'));
    expect(line()).toMatchObject({
      level: 'error',
      msg: 'broken',
      err: { name: 'Error', message: 'broken', stack: anyText },
    });
    log.error({ error: new Error('broken') }, 'ending');
    expect(line()).toMatchObject({ msg: 'ending', err: { message: 'broken' } });
  });

  test('carries what its logger is bound to, once', () => {
    const { log, text } = capture();
    log.child({ runId: 'a', jobId: 'j' }).child({ jobId: 'k' }).info({ runId: 'b' }, 'here');
    const line = text();
    expect(JSON.parse(line)).toMatchObject({ run_id: 'b', jobId: 'k' });
    expect(line.match(/run_id/g)).toHaveLength(1);
  });

  test('keeps its own members from being overwritten', () => {
    const { log, line } = capture();
    log.info({ level: 'x', time: 'y', service: 'z', msg: 'm' }, 'real');
    expect(line()).toMatchObject({
      level: 'info',
      service: 'dispatcher',
      msg: 'real',
      field_level: 'x',
      field_msg: 'm',
    });
  });

  test('appears only from its level on', () => {
    const { log, text } = capture({ level: 'warn' });
    log.info('quiet');
    log.debug({ a: 1 }, 'quiet');
    expect(text()).toBe('');
  });

  test('shows no secret: by key, by declared key, by value, in bindings, keys and messages', () => {
    const { log, text } = capture({ secretKeys: ['sourceTar'] });
    registerSecretValue('s3cr3t-value-of-test');
    log
      .child({ agentToken: 'leak-1', note: 's3cr3t-value-of-test' })
      .info(
        { job: { secrets: { A: 'leak-2' }, sourceTar: 'leak-3' }, 's3cr3t-value-of-test': 1 },
        'found s3cr3t-value-of-test',
      );
    const line = text();
    expect(line).not.toMatch(/leak-|s3cr3t/);
    expect(JSON.parse(line)).toMatchObject({
      agentToken: '[redacted]',
      job: { secrets: '[redacted]', sourceTar: '[redacted]' },
      msg: 'found [redacted]',
    });
  });
});

test('the pretty form has the same content on a line, and no control characters', () => {
  const { log, text } = capture({ pretty: true });
  log.info({ runId: 'run-1', note: 'two words', token: 'leak' }, 'colour \u001b[31mred');
  log.error({ err: new Error('outer', { cause: new Error('inner') }) }, 'ending');
  const [first, ...rest] = text().split('\n');
  expect(first).toMatch(
    /^[\d:.]{12} info {2}dispatcher: colour \\x1b\[31mred run_id=run-1 note="two words" token=\[redacted\]$/,
  );
  expect(rest.join('\n')).toMatch(
    /error dispatcher: ending\n {2}Error: outer\n[\s\S]*caused by Error: inner/,
  );
});

test('lines on standard output are there when the process exits at once', () => {
  const script = `
    import { createLogger } from ${JSON.stringify(new URL('./logger.ts', import.meta.url).href)};
    const log = createLogger({ name: 'child', level: 'info' });
    for (let i = 0; i < 500; i++) log.info({ i }, 'line');
    process.exit(0);`;
  const child = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    encoding: 'utf8',
  });
  expect(child.stderr).toBe('');
  expect(child.stdout.trim().split('\n')).toHaveLength(500);
});
