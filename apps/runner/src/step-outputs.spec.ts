import { expect, it } from 'vitest';
import { secretMask } from './secret-mask.ts';
import { parseOutputs, readOutputs } from './step-outputs.ts';

const mask = secretMask(['hush-hush']);

it('outputs are lines of key and value; the last of a key holds, the rest is ignored', () => {
  const text = 'version=1.2\nurl=https://x.example/?a=b\n\nnot a line\n=x\nversion=1.3\r\nempty=\n';
  expect(parseOutputs(text, mask)).toEqual({
    version: '1.3',
    url: 'https://x.example/?a=b',
    empty: '',
  });
});

it('secrets are hidden in outputs, and the character 0 is left out', () => {
  expect(parseOutputs('a=the hush-hush\0 thing', mask)).toEqual({ a: 'the *** thing' });
});

it('a key cannot reach an object’s inside', () => {
  expect(Object.getPrototypeOf(parseOutputs('__proto__=x', mask))).toBe(Object.prototype);
});

it('a step without a file has no outputs', async () => {
  expect(await readOutputs('/nonexistent/output', mask)).toEqual({});
});
