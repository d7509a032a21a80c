/** Puts the runs of a shape into a fresh log, with a bounded number on their way. */
import { type Journal, openJournal } from '@waybill/journal';
import { createLogger, systemClock } from '@waybill/process';
import type { Links } from '../measure/link.ts';
import { type Shape, written } from './shape.ts';

const onTheirWay = 256;
const appendMs = 60_000;

/** Resolves with the bytes that the log has then. */
export async function fillLog({ nats }: Links, shape: Shape, signal: AbortSignal): Promise<number> {
  const log = createLogger({ name: 'bench', level: 'error' });
  const journal = await openJournal({ nats, name: 'waybill-bench-fill', clock: systemClock, log });
  try {
    await journal.provision();
    let next = 0;
    const fill = async (): Promise<void> => {
      while (next < shape.runs) {
        signal.throwIfAborted();
        await write(journal, shape, next++);
      }
    };
    await Promise.all(Array.from({ length: onTheirWay }, fill));
    return (await journal.info('WB_RUNS')).bytes;
  } finally {
    await journal.close();
  }
}

async function write(journal: Journal, shape: Shape, index: number): Promise<void> {
  let lastSeq = 0;
  for (let step = 0; ; step++) {
    const next = written(shape, index, step, lastSeq);
    if (next === undefined) return;
    const answer = await journal.append(next.draft, next.expect, { deadlineMs: appendMs });
    if (answer.outcome !== 'stored') throw new Error(`a run was not stored: ${answer.outcome}`);
    lastSeq = answer.seq;
  }
}
