/** What agents write down of their work, flushed before anything else happens: it tells the truth also about a killed system. */
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { systemClock } from '@waybill/process';
import { z } from 'zod';
import type { DiaryEntry } from './evidence.ts';

export type WorkDiary = Readonly<{
  write(entry: Omit<DiaryEntry, 'atMs' | 'at'>): void;
  read(): readonly DiaryEntry[];
  close(): void;
}>;

const Entry = z.object({
  agentId: z.string(),
  kind: z.enum(['granted', 'plain']),
  what: z.enum(['dispatched', 'acked', 'spoke', 'told', 'closed', 'start', 'stop']),
  runId: z.string(),
  wireJobId: z.string(),
  fence: z.number().nullable(),
  atMs: z.number(),
  at: z.number(),
});

/** One file for all agents of a test: their entries lie in the order in which things happened. */
export function openWorkDiary(file: string): WorkDiary {
  const fd = openSync(file, 'a', 0o600);
  return {
    write: (entry) => {
      const at = { atMs: systemClock.monotonicMs(), at: systemClock.now() };
      writeSync(fd, `${JSON.stringify({ ...entry, ...at })}\n`);
      fsyncSync(fd);
    },
    read: () =>
      readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => Entry.parse(JSON.parse(line))),
    close: () => closeSync(fd),
  };
}
