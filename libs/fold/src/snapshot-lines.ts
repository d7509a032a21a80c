/**
 * A snapshot as lines of JSON in parts of about 1 MB: a head that counts what follows, then what its service keeps beside,
 * the ids of finished runs, and one line a run. Written and read in slices, so that nothing else of the process waits long.
 */
import type { Clock } from '@waybill/process';
import type { Run } from '@waybill/protocol';
import { decodeRun, encodeRun } from '@waybill/protocol';
import type { TableState } from './live-table.ts';

export type Saved = TableState &
  Readonly<{
    /** Server time as it was known. */
    at: number;
    beside: readonly string[];
  }>;

type Head = Readonly<{ at: number; beside: number; finished: number; runs: number }>;

const partLength = 1_000_000;
const finishedPerLine = 1_000;
/** Of work at a stretch; a long line, or the garbage collector, comes on top. */
const sliceMs = 8;

/** Waits for a turn of the event loop whenever a slice is over. */
export type Pace = () => Promise<void> | undefined;

export function paced(clock: Clock): Pace {
  let begunMs = clock.monotonicMs();
  return () => {
    if (clock.monotonicMs() - begunMs < sliceMs) return undefined;
    return clock.sleep(0).then(() => {
      begunMs = clock.monotonicMs();
    });
  };
}

export async function* partsOf(
  saved: Saved,
  pace: Pace,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  let text = '';
  for (const line of linesOf(saved)) {
    signal.throwIfAborted();
    text += `${line}\n`;
    if (text.length >= partLength) {
      yield encoder.encode(text);
      text = '';
    }
    const turn = pace();
    if (turn !== undefined) await turn;
  }
  if (text !== '') yield encoder.encode(text);
}

function* linesOf({ at, beside, finished, runs }: Saved): Generator<string> {
  const head: Head = {
    at,
    beside: beside.length,
    finished: finished.length,
    runs: runs.length,
  };
  yield JSON.stringify(head);
  for (const line of beside) yield JSON.stringify(line);
  for (let from = 0; from < finished.length; from += finishedPerLine)
    yield JSON.stringify(finished.slice(from, from + finishedPerLine));
  for (const run of runs) yield encodeRun(run);
}

/** Throws for what `partsOf` of the same version has not made. */
export async function savedIn(parts: AsyncIterable<Uint8Array>, pace: Pace): Promise<Saved> {
  const beside: string[] = [];
  const finished: string[] = [];
  const runs: Run[] = [];
  let head: Head | undefined;
  for await (const line of textLines(parts)) {
    // Lines of this same version, kept behind a digest: each is what stands in its place.
    if (head === undefined) head = JSON.parse(line) as Head;
    else if (beside.length < head.beside) beside.push(JSON.parse(line) as string);
    else if (finished.length < head.finished) finished.push(...(JSON.parse(line) as string[]));
    else runs.push(decodeRun(line));
    const turn = pace();
    if (turn !== undefined) await turn;
  }
  if (head === undefined) throw new RangeError('the snapshot is empty');
  if (runs.length !== head.runs)
    throw new RangeError(`the snapshot has ${runs.length} runs, not ${head.runs}`);
  return { at: head.at, beside, finished, runs };
}

async function* textLines(parts: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let left = '';
  for await (const part of parts) {
    const lines = (left + decoder.decode(part, { stream: true })).split('\n');
    left = lines.pop() ?? '';
    yield* lines;
  }
  if (left !== '') throw new RangeError('the snapshot ends within a line');
}
