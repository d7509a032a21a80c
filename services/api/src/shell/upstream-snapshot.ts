/**
 * `state.replay`: the runs of the organisation as of one sequence, those that have not ended and those that ended a moment ago, so
 * that whoever was away for that moment learns how. Which ones, the read model says; what is true of them, the fold of the log.
 */
import { foldRun, iso, runSnapshot, subjects, wire } from '@waybill/protocol';
import { type UpstreamRuns, upstreamRuns } from '@waybill/readmodel';
import type { ApiContext } from './api-context.ts';
import { queryReadModel } from './read-model-query.ts';
import { eventOf } from './run-history.ts';

export type UpstreamSnapshot = Readonly<{
  /** Everything up to it is in the text. */
  seq: number;
  text: string;
}>;

const loadsAtOnce = 16;

export async function takeSnapshot(api: ApiContext): Promise<UpstreamSnapshot> {
  const { journal, bounds, log, org } = api;
  const timestamp = await journal.serverTime('WB_RUNS');
  const endedSince = iso(Math.max(0, timestamp - bounds.upstreamRecentMs)) ?? '';
  const limit = wire.wireLimits.upstreamRunsMax;
  const known = await queryReadModel(api, (db) => upstreamRuns(db, org, { limit, endedSince }));
  const told = await snapshotsOf(api, known);
  const openTold = Math.min(known.openCount, told.length);
  if (openTold < known.openCount)
    log.warn(
      { open: known.openCount, told: openTold },
      'more runs are open than a replay may have; the newest are told',
    );
  const head = JSON.stringify({
    type: 'state.replay',
    messageId: `replay:${known.seq}`,
    timestamp,
  });
  return { seq: known.seq, text: `${head.slice(0, -1)},"runs":[${told.join(',')}]}` };
}

/** As JSON, in the order of the runs, no more of them than fit. */
async function snapshotsOf(api: ApiContext, { runs }: UpstreamRuns): Promise<readonly string[]> {
  const told: string[] = [];
  let bytes = 0;
  for (let at = 0; at < runs.length; at += loadsAtOnce) {
    const some = runs.slice(at, at + loadsAtOnce);
    for (const text of await Promise.all(some.map((run) => snapshotOf(api, run)))) {
      bytes += Buffer.byteLength(text);
      if (bytes > api.bounds.upstreamReplayBytes) return told;
      told.push(text);
    }
  }
  return told;
}

async function snapshotOf(
  api: ApiContext,
  { runId, seq }: UpstreamRuns['runs'][number],
): Promise<string> {
  const { journal, bounds, org } = api;
  const messages = await journal.load('WB_RUNS', subjects.runFilter(org, runId), {
    minSeq: seq,
    upToSeq: seq,
    deadlineMs: bounds.queryMs,
  });
  const events = messages.flatMap((message) => eventOf(message, api) ?? []);
  return JSON.stringify(runSnapshot(foldRun(events)));
}

/** One piece of work for all who ask while it has not begun: what is under way may be older than the question. */
export function shared<T>(work: () => Promise<T>): () => Promise<T> {
  let current: Promise<T> | undefined;
  let next: Promise<T> | undefined;
  const begin = (): Promise<T> => {
    const begun = work().finally(() => {
      if (current === begun) current = undefined;
    });
    current = begun;
    return begun;
  };
  return () => {
    if (current === undefined) return begin();
    next ??= current
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        return begin();
      });
    return next;
  };
}
