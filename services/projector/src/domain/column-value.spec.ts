import { describe, expect, it } from 'vitest';
import { documentValue, instantValue, numberValue, textValue } from './column-value.ts';

describe('values that Postgres cannot hold', () => {
  it('lose NUL and halves of surrogate pairs, and nothing else', () => {
    expect(textValue('a\u0000b\ud800c 😀 \\u0000')).toBe('a\ufffdb\ufffdc 😀 \\u0000');
  });

  it('become null where they are no finite number', () => {
    expect([1.5, Number.NaN, Number.POSITIVE_INFINITY].map(numberValue)).toEqual([1.5, null, null]);
  });

  it('are cleaned wherever they stand in a document, keys included', () => {
    expect(documentValue({ 'k\u0000': ['\u0000', { n: Number.NaN }, true, null] })).toEqual({
      'k\ufffd': ['\ufffd', { n: null }, true, null],
    });
  });

  it('are cut where a document is nested without end', () => {
    const deep: unknown = JSON.parse(`${'['.repeat(50_000)}${']'.repeat(50_000)}`);
    expect(JSON.stringify(documentValue(deep))).toBe(`${'['.repeat(64)}null${']'.repeat(64)}`);
  });

  it('are no instant before the epoch, and the last of the calendar past it', () => {
    const last = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
    expect([0, last, last + 1, 8.64e15, 1e300, -1, 0.5, Number.NaN].map(instantValue)).toEqual([
      0,
      last,
      last,
      last,
      last,
      null,
      null,
      null,
    ]);
  });
});
