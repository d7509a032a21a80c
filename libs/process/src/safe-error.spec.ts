import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { Outage } from './outage.ts';
import { safeError } from './safe-error.ts';
import { registerSecretValue } from './secret-value.ts';

const anyText: unknown = expect.any(String);

describe('safeError', () => {
  test('keeps name, code, message, stack and causes', () => {
    const error = new Outage('nats-down', 'no server', { cause: new TypeError('inner') });
    expect(safeError(error).stack).toMatch(/^Outage: no server\n\s+at /);
    expect(safeError(error)).toEqual({
      name: 'Outage',
      code: 'nats-down',
      message: 'no server',
      stack: anyText,
      cause: { name: 'TypeError', message: 'inner', stack: anyText },
    });
  });

  test('masks secrets in messages, stacks and causes', () => {
    registerSecretValue('error-secret-value');
    const error = new Error('outer error-secret-value', { cause: new Error('error-secret-value') });
    expect(JSON.stringify(safeError(error))).not.toContain('error-secret-value');
    expect(safeError('thrown error-secret-value').message).toBe('thrown [redacted]');
  });

  test('tells the issues of zod and not what was read', () => {
    const schema = z.object({ run: z.object({ id: z.int() }), token: z.string().length(3) });
    const result = schema.safeParse(
      { run: { id: 'hidden-input-1' }, token: 'hidden-input-2' },
      { reportInput: true },
    );
    const safe = safeError(result.error);
    expect(safe.message).toContain('run.id: ');
    expect(safe.message).toContain('token: ');
    expect(JSON.stringify(safe)).not.toContain('hidden-input');
  });

  test('tells where JSON is broken and not what it says', () => {
    let caught: unknown;
    try {
      JSON.parse('{"token": hidden-input}');
    } catch (error) {
      caught = error;
    }
    expect(JSON.stringify(safeError(caught))).not.toContain('hidden');
    expect(safeError(caught).name).toBe('SyntaxError');
    expect(safeError(caught).message).toMatch(/^invalid JSON/);
  });

  test('ends with causes that go round, and shows the members of an aggregate', () => {
    const error = new Error('round');
    error.cause = error;
    expect(JSON.stringify(safeError(error)).match(/"message":"round"/g)?.length).toBeLessThan(10);
    expect(safeError(new AggregateError([new Error('one'), 'two'])).errors).toMatchObject([
      { message: 'one' },
      { name: 'NonError', message: 'two' },
    ]);
  });

  test('says no more of a thrown object than its kind', () => {
    expect(safeError({ token: 'leak' }).message).toBe('a thrown Object');
    expect(safeError(Object.create(null)).message).toBe('a thrown object');
    expect(safeError(undefined).message).toBe('undefined');
  });
});
