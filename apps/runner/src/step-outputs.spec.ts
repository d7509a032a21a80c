import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
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

it('a step without a file has no outputs', () => {
  expect(readOutputs('/nonexistent/output', mask)).toEqual({});
});

it('neither a pipe nor a link in the place of the file holds up the runner', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'waybill-outputs-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [pipe, link] = [path.join(folder, 'pipe'), path.join(folder, 'link')];
  execFileSync('mkfifo', [pipe]);
  symlinkSync('/dev/zero', link);
  expect(readOutputs(pipe, mask)).toEqual({});
  expect(readOutputs(link, mask)).toEqual({});
});
