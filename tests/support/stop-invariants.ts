/**
 * The part of invariant 3 about agents that know only the published protocol: one that speaks of an attempt which is not current
 * any more is told to stop it within 1 s, or its socket has ended by then. What the test kept from working is no fault of ours.
 */
import type { Attempt, Job } from '@waybill/protocol';
import { parseWireJobId } from '@waybill/protocol';
import type { DiaryEntry, Evidence, Violation } from './evidence.ts';
import type { RunStory } from './run-story.ts';

const withinMs = 1_000;

export function toldToStop(
  { diary, disturbances }: Pick<Evidence, 'diary' | 'disturbances'>,
  runs: readonly RunStory[],
): readonly Violation[] {
  const jobs = new Map(
    runs.flatMap(({ end }) => end.jobs.map((job) => [job.spec.jobId, job] as const)),
  );
  const isDisturbed = (at: number): boolean =>
    disturbances.some(({ from, to }) => at >= from - withinMs && at <= to + withinMs);
  const byAgent = Map.groupBy(
    diary.filter(({ kind }) => kind === 'plain'),
    ({ agentId }) => agentId,
  );
  return [...byAgent.values()].flatMap((entries) =>
    entries.flatMap((entry, index) => {
      const since = supersededAt(entry, jobs);
      if (since === undefined || entry.at <= since + withinMs || isDisturbed(entry.at)) return [];
      if (isToldOrGone(entry, entries, index)) return [];
      const what = `${entry.agentId} spoke of ${entry.wireJobId} and was not told to stop it`;
      return [{ invariant: 3, seq: null, what }];
    }),
  );
}

/** Since when the attempt that it speaks of is not current; undefined while it is, or where it speaks of none of its own. */
function supersededAt(
  { what, wireJobId, agentId }: DiaryEntry,
  jobs: ReadonlyMap<string, Job>,
): number | undefined {
  if (what !== 'acked' && what !== 'spoke') return undefined;
  const wire = parseWireJobId(wireJobId);
  const job = jobs.get(wire?.jobId ?? '');
  const attempt = job?.attempts.find((each) => each.attempt === wire?.attempt);
  if (job === undefined || attempt?.agentId !== agentId) return undefined;
  const next = job.attempts[attempt.attempt];
  if (isVoid(attempt)) return attempt.resolvedAt ?? undefined;
  return next === undefined ? givenUpAt(job) : next.offeredAt;
}

const isVoid = ({ resolution }: Attempt): boolean =>
  resolution === 'expired' || resolution === 'withdrawn';

/** By us, while its agent may still be at it. Of what an agent has ended itself it may speak: it needs no stop. */
const givenUpAt = ({ state, failure, completedAt }: Job): number | undefined =>
  state === 'timed_out_stale' || failure === 'agent_lost' ? (completedAt ?? undefined) : undefined;

/** Earlier on the same socket counts: a stop is said once. */
function isToldOrGone(entry: DiaryEntry, entries: readonly DiaryEntry[], index: number): boolean {
  const before = entries.slice(0, index).findLastIndex(({ what }) => what === 'closed') + 1;
  const told = entries
    .slice(before, index)
    .some(({ what, wireJobId }) => what === 'told' && wireJobId === entry.wireJobId);
  if (told) return true;
  for (const { what, wireJobId, at } of entries.slice(index + 1)) {
    if (at > entry.at + withinMs) return false;
    if (what === 'closed' || (what === 'told' && wireJobId === entry.wireJobId)) return true;
  }
  // The test has ended before the second was over.
  return (entries.at(-1)?.at ?? 0) < entry.at + withinMs;
}
