/**
 * Lines of one job on their way into `log.chunk`s: 50 lines or 100 ms, whichever comes first, one step a chunk, and
 * never more of a step than its limit, after which one line says so.
 */
import type { Clock, Timer } from '@waybill/process';

export type LogBatchOptions = Readonly<{
  clock: Clock;
  linesMax: number;
  delayMs: number;
  stepBytesMax: number;
  emit: (stepIndex: number, lines: readonly string[]) => void;
}>;

export type LogBatch = Readonly<{
  add(stepIndex: number, lines: readonly string[]): void;
  flush(): void;
  /** Bytes that the step's lines had, those past the limit included. */
  bytesOf(stepIndex: number): number;
}>;

/** Keeps a chunk far below any limit of a frame, whatever its lines are like. */
const chunkBytesMax = 262_144;
const lineCharsMax = 65_536;

export function createLogBatch(o: LogBatchOptions): LogBatch {
  const bytesByStep = new Map<number, number>();
  let step = -1;
  let lines: string[] = [];
  let bytes = 0;
  let timer: Timer | undefined;

  const flush = (): void => {
    timer?.cancel();
    timer = undefined;
    if (lines.length === 0) return;
    const chunk = lines;
    [lines, bytes] = [[], 0];
    o.emit(step, chunk);
  };
  const put = (line: string, size: number): void => {
    lines.push(line);
    bytes += size;
    if (lines.length >= o.linesMax || bytes >= chunkBytesMax) flush();
    else timer ??= o.clock.after(o.delayMs, flush);
  };
  const addLine = (stepIndex: number, line: string): void => {
    const before = bytesByStep.get(stepIndex) ?? 0;
    const size = Buffer.byteLength(line) + 1;
    bytesByStep.set(stepIndex, before + size);
    if (before + size <= o.stepBytesMax) put(line, size);
    else if (before <= o.stepBytesMax)
      put(`... the log of this step is cut here: it is over ${o.stepBytesMax} bytes`, 0);
  };

  return {
    add: (stepIndex, added) => {
      if (stepIndex !== step) flush();
      step = stepIndex;
      for (const line of added) for (const piece of pieces(line)) addLine(stepIndex, piece);
    },
    flush,
    bytesOf: (stepIndex) => bytesByStep.get(stepIndex) ?? 0,
  };
}

/** A line of any length as lines that may be sent; no character is cut in two. */
function pieces(line: string): readonly string[] {
  if (line.length <= lineCharsMax) return [line];
  const parts: string[] = [];
  for (let at = 0; at < line.length; ) {
    let end = Math.min(at + lineCharsMax, line.length);
    const last = line.charCodeAt(end - 1);
    if (end < line.length && last >= 0xd800 && last <= 0xdbff) end -= 1;
    parts.push(line.slice(at, end));
    at = end;
  }
  return parts;
}
