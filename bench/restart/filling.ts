/** Puts the runs of a shape into a fresh log, with a bounded number on their way. */
import { type Journal, openJournal } from '@waybill/journal';
import { createLogger, systemClock } from '@waybill/process';
import type { Links } from '../measure/link.ts';
import { creation, type Shape } from './shape.ts';

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
        await create(journal, next++, shape.jobsEach);
      }
    };
    await Promise.all(Array.from({ length: onTheirWay }, fill));
    return (await journal.info('WB_RUNS')).bytes;
  } finally {
    await journal.close();
  }
}

async function create(journal: Journal, index: number, jobsEach: number): Promise<void> {
  const answer = await journal.append(creation(index, jobsEach), undefined, {
    deadlineMs: appendMs,
  });
  if (answer.outcome !== 'stored') throw new Error(`a run was not stored: ${answer.outcome}`);
}
