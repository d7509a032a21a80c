/**
 * How much log a step may have. What comes past that is dropped, and one line says so. A step's last lines come after its status,
 * and steps are numbered as agents like (-1 and large numbers are preparation, hooks and caches), so that it is counted by number alone.
 */

/** Bytes that are kept of one step, and whether the line that says so stands. */
export type StepLog = Readonly<{ bytes: number; isCut: boolean }>;
export const noStepLog: StepLog = { bytes: 0, isCut: false };

/** Where the rule does not say. */
export const LOG_BYTES_MAX = 10 * 1024 ** 2;

export type Kept = Readonly<{
  /** Of a chunk; undefined for nothing. */
  lines: readonly string[] | undefined;
  /** Whether something of it was dropped. */
  isCut: boolean;
  /** The step behind it. */
  step: StepLog;
}>;

const encoder = new TextEncoder();
/** With the end of the line. */
const bytesOf = (line: string): number => encoder.encode(line).length + 1;

export const linesBytes = (lines: readonly string[]): number =>
  lines.reduce((sum, line) => sum + bytesOf(line), 0);

export function keptLines(lines: readonly string[], before: StepLog, bytesMax: number): Kept {
  if (before.isCut) return { lines: undefined, isCut: true, step: before };
  let bytes = before.bytes;
  let count = 0;
  for (const line of lines) {
    const size = bytesOf(line);
    if (bytes + size > bytesMax) break;
    bytes += size;
    count += 1;
  }
  if (count === lines.length) return { lines, isCut: false, step: { bytes, isCut: false } };
  const note = `… the log of this step has reached ${bytesMax} bytes, the rest was not kept`;
  return {
    lines: [...lines.slice(0, count), note],
    isCut: true,
    step: { bytes, isCut: true },
  };
}
