import { describe, expect, it } from 'vitest';
import { fill, TemplateError } from './template.ts';

const context = {
  hashFiles: (patterns: readonly string[]) => Promise.resolve(`hash(${patterns.join('|')})`),
  matrix: { node: 24, 'my-os': 'linux' },
  env: { A: 'a' },
  runner: { os: 'linux', arch: 'x64' },
};

describe('the key of a cache', () => {
  it.each([
    ['plain', 'plain'],
    [
      "npm-${{ runner.os }}-${{hashFiles('package-lock.json')}}",
      'npm-linux-hash(package-lock.json)',
    ],
    ["${{ hashFiles('a', 'b/**') }}", 'hash(a|b/**)'],
    ['${{ matrix.node }}/${{ matrix.my-os }}/${{ matrix.none }}', '24/linux/'],
    ['${{ env.A }}${{ env.B }}-${{ runner.arch }}', 'a-x64'],
  ])('%s becomes %s', async (text, expected) => {
    expect(await fill(text, context)).toBe(expected);
  });

  it.each(['${{ secrets.X }}', '${{ runner.token }}', '${{ hashFiles() }}', '${{ }}'])(
    '%s is refused',
    async (text) => {
      await expect(fill(text, context)).rejects.toThrow(TemplateError);
    },
  );
});
