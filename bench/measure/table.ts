/** Tables as text that a terminal and a Markdown document both show well. Pure. */

export type Cell = string | number;
export type TableRow = Readonly<Record<string, Cell>>;

/** Rows share their columns; a row without a column leaves that cell empty. */
export function table(title: string, rows: readonly TableRow[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cells = [columns, ...rows.map((row) => columns.map((column) => written(row[column])))];
  const widths = columns.map((_, at) => Math.max(3, ...cells.map((row) => row[at]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${widths.map((width, at) => padded(row[at] ?? '', width, at)).join(' | ')} |`;
  const rule = `|${widths.map((width, at) => (at === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  const [head = [], ...body] = cells;
  return [`### ${title}`, '', line(head), rule, ...body.map(line), ''].join('\n');
}

/** The first column is text and stands left, all others are numbers and stand right. */
const padded = (text: string, width: number, at: number): string =>
  at === 0 ? text.padEnd(width) : text.padStart(width);

function written(cell: Cell | undefined): string {
  if (cell === undefined) return '';
  return typeof cell === 'number' ? rounded(cell) : cell;
}

/** Three digits say all that a benchmark knows. */
export function rounded(number: number): string {
  if (!Number.isFinite(number)) return '-';
  const size = Math.abs(number);
  if (size >= 100) return Math.round(number).toLocaleString('en-US');
  return number.toFixed(size >= 10 ? 1 : 2);
}

/** `1,234 (1,100-1,300)`, or the number alone where there was one repetition. */
export function withRange(
  of: Readonly<{ median: number; min: number; max: number; count: number }>,
): string {
  if (of.count < 2) return rounded(of.median);
  return `${rounded(of.median)} (${rounded(of.min)}-${rounded(of.max)})`;
}
