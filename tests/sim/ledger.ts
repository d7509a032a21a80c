/** What agents and clients of a world know of their own doings: the work diary, and which triggers were answered. */
import type { DiaryEntry, LedgerEntry } from '../support/evidence.ts';
import type { Life } from './life.ts';
import type { World } from './world.ts';

type Running = Readonly<{
  agentId: string;
  kind: DiaryEntry['kind'];
  wireJobId: string;
  life: Life;
}>;

type Entry = Omit<DiaryEntry, 'atMs' | 'at'>;

export type Ledger = Readonly<{
  diary: DiaryEntry[];
  answers: LedgerEntry[];
  write(life: Life, entry: Entry): void;
  /** Agents of our SDK that run the job now. Frozen ones do nothing. */
  runners(jobId: string): readonly Running[];
}>;

export function openLedger(
  world: World,
  serverTime: () => number,
  onStart: (jobId: string) => void,
): Ledger {
  const diary: DiaryEntry[] = [];
  const running = new Map<string, Running>();

  const put = (entry: Entry): void => {
    diary.push({ ...entry, atMs: world.now(), at: serverTime() });
  };
  const jobOf = (wireJobId: string): string => wireJobId.replace(/-a\d+$/, '');
  const stop = (key: string, entry: Entry): void => {
    if (running.delete(key)) put({ ...entry, what: 'stop' });
  };
  return {
    diary,
    answers: [],
    write: (life, entry) => {
      const { agentId, wireJobId, what } = entry;
      const key = `${life.no} ${wireJobId}`;
      if (what === 'stop') return stop(key, entry);
      put(entry);
      if (what !== 'start') return;
      running.set(key, { agentId, kind: entry.kind, wireJobId, life });
      // Its work ends with it, and nobody is left to write so.
      life.onEnd.push(() => stop(key, entry));
      if (entry.kind === 'granted') onStart(jobOf(wireJobId));
    },
    runners: (jobId) =>
      [...running.values()].filter(
        ({ kind, wireJobId, life }) =>
          kind === 'granted' && jobOf(wireJobId) === jobId && !life.isFrozen,
      ),
  };
}
