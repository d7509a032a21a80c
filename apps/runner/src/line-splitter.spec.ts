import { describe, expect, it } from 'vitest';
import { createLineSplitter } from './line-splitter.ts';
import { secretMask } from './secret-mask.ts';

function linesOf(chunks: readonly Uint8Array[], secrets: readonly string[] = [], charsMax = 100) {
  const lines: string[] = [];
  const splitter = createLineSplitter({
    mask: secretMask(secrets),
    onLines: (more) => lines.push(...more),
    lineCharsMax: charsMax,
  });
  for (const chunk of chunks) splitter.write(chunk);
  splitter.end();
  return lines;
}

const bytes = (text: string): Uint8Array => Buffer.from(text);

describe('a stream of bytes', () => {
  it('is lines, however it is cut', () => {
    const text = 'grüße 😀\n\nzweite\r\nohne Ende';
    const whole = bytes(text);
    for (let size = 1; size <= whole.length; size++) {
      const chunks = Array.from({ length: Math.ceil(whole.length / size) }, (_, n) =>
        whole.subarray(n * size, (n + 1) * size),
      );
      expect(linesOf(chunks)).toEqual(['grüße 😀', '', 'zweite', 'ohne Ende']);
    }
  });

  it('keeps colours', () => {
    expect(linesOf([bytes('\u001b[31mred\u001b[0m\n')])).toEqual(['\u001b[31mred\u001b[0m']);
  });

  it('that is no UTF-8 is shown as well as it can be', () => {
    expect(linesOf([Uint8Array.of(0x61, 0xff, 0x62, 0x0a)])).toEqual(['a\ufffdb']);
  });

  it('hides a secret that arrives in pieces', () => {
    expect(linesOf([bytes('x s3cr'), bytes('3t y\n')], ['s3cr3t'])).toEqual(['x *** y']);
  });

  it('without a line end is cut at the bound, and not inside a secret', () => {
    const text = `${'x'.repeat(95)}topsecret${'y'.repeat(300)}`;
    const lines = linesOf([bytes(text)], ['topsecret']);
    expect(lines.length).toBeGreaterThan(2);
    expect(lines.join('')).toBe(`${'x'.repeat(95)}***${'y'.repeat(300)}`);
  });

  it('without a line end and byte by byte does not leak a secret at the bound either', () => {
    const text = `${'x'.repeat(97)}topsecret${'y'.repeat(150)}`;
    const chunks = text.split('').map(bytes);
    expect(linesOf(chunks, ['topsecret']).join('')).toBe(`${'x'.repeat(97)}***${'y'.repeat(150)}`);
  });
});
