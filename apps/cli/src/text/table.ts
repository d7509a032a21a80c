/** A table for people: columns as wide as what is in them, and on a terminal no line longer than it. */
import { stripVTControlCharacters } from 'node:util';
import { printable } from '../terminal.ts';

const GAP = '  ';
const NARROWEST = 8;

export function table(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  o: Readonly<{ width?: number | undefined }> = {},
): string {
  const cells = [headings, ...rows].map((row) => row.map(oneLine));
  const widths = headings.map((_, column) =>
    Math.max(...cells.map((row) => lengthOf(row[column] ?? ''))),
  );
  if (o.width !== undefined) shrink(widths, o.width);
  const lines = cells.map((row) =>
    row
      .map((cell, column) => fit(cell, widths[column] ?? 0, column === headings.length - 1))
      .join(GAP)
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}

const oneLine = (cell: string): string => printable(cell.replaceAll(/\s+/g, ' ').trim());
const lengthOf = (text: string): number => stripVTControlCharacters(text).length;

/** The widest column gives way first; never the first one, whose ids people copy. */
function shrink(widths: number[], width: number): void {
  const gaps = GAP.length * (widths.length - 1);
  for (;;) {
    const over = widths.reduce((sum, each) => sum + each, gaps) - width;
    const widest = Math.max(...widths.slice(1));
    if (over <= 0 || widest <= NARROWEST) return;
    widths[widths.indexOf(widest, 1)] = Math.max(NARROWEST, widest - over);
  }
}

function fit(cell: string, width: number, isLast: boolean): string {
  if (lengthOf(cell) > width) return `${cell.slice(0, Math.max(0, width - 1))}…`;
  return isLast ? cell : cell + ' '.repeat(width - lengthOf(cell));
}
