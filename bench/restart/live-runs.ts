/**
 * A process that does nothing but fold the live runs: says when it was ready and what it holds, and saves its snapshot when
 * asked, watching how long nothing else had a turn.
 */
import { type LiveRuns, openLiveRuns } from '@waybill/fold';
import { type Journal, openJournal } from '@waybill/journal';
import { createLogger, type Host, systemClock } from '@waybill/process';
import { Links } from '../measure/link.ts';
import { answerAs } from '../measure/role-process.ts';
import { heldBytes, spentSeconds } from './footprint.ts';
import { watchTurns } from './turns.ts';

const host: Host = { clock: systemClock, log: createLogger({ name: 'bench', level: 'error' }) };
let live: LiveRuns | undefined;
let savedBytes = 0;
let restoredRuns = 0;

async function* counted(
  parts: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): AsyncIterable<Uint8Array> {
  for await (const part of parts) {
    savedBytes += part.length;
    yield part;
  }
}

async function begin({ nats }: Links): Promise<object> {
  const journal = await openJournal({ nats, name: 'waybill-bench', ...host });
  const saveSnapshot: Journal['saveSnapshot'] = (name, draft) =>
    journal.saveSnapshot(name, { ...draft, parts: counted(draft.parts) });
  live = await openLiveRuns({
    ...host,
    journal: { ...journal, saveSnapshot },
    name: 'bench.0of1',
    partition: { index: 0, count: 1 },
    onRestored: () => {
      restoredRuns += 1;
    },
    onEvent: () => undefined,
    onFailure: (error) => {
      throw error;
    },
    maySave: () => false,
  });
  await live.reader.caughtUp;
  const readyMs = performance.now();
  const cpuMs = spentSeconds() * 1_000;
  const isRestored = live.restoredPositions.WB_RUNS !== undefined;
  const heldWith = heldBytes();
  let jobs = 0;
  for (const run of live.runs()) jobs += run.jobs.length;
  return { readyMs, cpuMs, heldWith, jobs, restoredRuns: isRestored ? restoredRuns : null };
}

async function save(): Promise<object> {
  if (live === undefined) throw new Error('"begin" comes first');
  savedBytes = 0;
  const turns = watchTurns();
  const begunMs = performance.now();
  await live.save();
  const saveMs = performance.now() - begunMs;
  return { saveMs, savedBytes, blockedMs: turns.longestMs() };
}

answerAs({ held: () => heldBytes(), begin: (body) => begin(Links.parse(body)), save });
