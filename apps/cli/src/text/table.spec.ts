import { describe, expect, it } from 'vitest';
import { table } from './table.ts';

describe('a table', () => {
  it('has columns as wide as what is in them', () => {
    expect(
      table(
        ['A', 'LONG'],
        [
          ['one', 'x'],
          ['b', 'yy'],
        ],
      ),
    ).toBe('A    LONG\none  x\nb    yy\n');
  });

  it('is no wider than the terminal: the widest column gives way, but never the one with the ids', () => {
    const text = table(['NAME', 'TEXT'], [['short', 'x'.repeat(80)]], { width: 40 });
    const lines = text.trimEnd().split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBe(40);
    expect(lines[1]).toMatch(/^short {2}x+…$/);
    const id = 'i'.repeat(30);
    expect(table(['ID', 'TEXT'], [[id, 'x'.repeat(30)]], { width: 40 })).toContain(
      `${id}  xxxxxxx…`,
    );
  });

  it('keeps a row on its line, and shows control characters instead of obeying them', () => {
    expect(table(['A'], [['one\ntwo\u001B[31m']])).toBe('A\none two\\x1b[31m\n');
  });
});
