import { describe, expect, it } from 'vitest';
import { instantOf, instantOfNanos } from './instant.ts';

describe('server timestamps', () => {
  it('are rounded down to the millisecond', () => {
    expect(instantOf('1970-01-01T00:00:01.999999999Z')).toBe(1_999);
    expect(instantOf('2026-11-21T08:57:17.96Z')).toBe(1_795_251_437_960);
    expect(instantOf('2026-11-21T08:57:17Z')).toBe(1_795_251_437_000);
    expect(instantOfNanos('1795251437964999999')).toBe(1_795_251_437_964);
  });

  it('are refused when they are not one', () => {
    expect(() => instantOf('')).toThrow('not a server timestamp');
  });
});
