/**
 * Invariant 10: an outage of ours costs nobody anything. No offer has expired whose ack was under way in time, and a budget has
 * lost nothing to offers that never reached their agent while something of ours did not work.
 */
import type { Attempt, Job } from '@waybill/protocol';
import { wireJobId } from '@waybill/protocol';
import type { DiaryEntry, Evidence, Violation } from './evidence.ts';
import type { RunStory } from './run-story.ts';

/** What a word may take from the agent's hand to its gateway's, on a busy machine. */
const onTheWayMs = 500;

export function acksCount(
  diary: readonly DiaryEntry[],
  runs: readonly RunStory[],
): readonly Violation[] {
  const acked = firstAt(diary, 'acked');
  return jobsOf(runs).flatMap(({ runId, job }) =>
    job.attempts.flatMap((attempt) => {
      const { agentId, resolution, until, fence } = attempt;
      const at = acked.get(keyOf(agentId, job, attempt));
      if (resolution !== 'expired' || at === undefined || at + onTheWayMs > until) return [];
      const what = `${nameOf(runId, job, attempt)} expired, and ${agentId} had answered ${until - at} ms before`;
      return [{ invariant: 10, seq: fence, what }];
    }),
  );
}

/** Of agents that write down what they are sent. */
export function outageCostsNothing(
  { diary, disturbances }: Pick<Evidence, 'diary' | 'disturbances'>,
  runs: readonly RunStory[],
): readonly Violation[] {
  const sent = firstAt(diary, 'dispatched');
  const writers = new Set(
    diary.filter(({ kind }) => kind === 'plain').map(({ agentId }) => agentId),
  );
  /** Nobody's fault but ours: it was offered, or settled, while something did not work, and no agent knew of it. */
  const isOurs = (job: Job, attempt: Attempt): boolean =>
    writers.has(attempt.agentId) &&
    !sent.has(keyOf(attempt.agentId, job, attempt)) &&
    disturbances.some(
      ({ from, to }) =>
        attempt.offeredAt <= to && (attempt.resolvedAt ?? attempt.offeredAt) >= from,
    );
  return jobsOf(runs).flatMap(({ runId, job, seq }) =>
    (['expired', 'rejected'] as const).flatMap((resolution) => {
      const resolved = job.attempts.filter((each) => each.resolution === resolution);
      const theirs = resolved.filter((attempt) => !isOurs(job, attempt)).length;
      const counted = job.spent[resolution];
      if (counted <= theirs) return [];
      const what = `${runId}: ${job.spec.jobId} has spent ${counted} offers as ${resolution}, and its agents ${theirs}`;
      return [{ invariant: 10, seq, what }];
    }),
  );
}

const jobsOf = (runs: readonly RunStory[]) =>
  runs.flatMap(({ runId, end }) => end.jobs.map((job) => ({ runId, job, seq: end.seq })));

/** When each agent has first written that of each job. */
function firstAt(
  diary: readonly DiaryEntry[],
  wanted: DiaryEntry['what'],
): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const { agentId, wireJobId, what, at } of diary) {
    const key = `${agentId} ${wireJobId}`;
    if (what === wanted && !found.has(key)) found.set(key, at);
  }
  return found;
}

const keyOf = (agentId: string, { spec }: Job, { attempt }: Attempt): string =>
  `${agentId} ${wireJobId(spec.jobId, attempt)}`;
const nameOf = (runId: string, { spec }: Job, { attempt }: Attempt): string =>
  `${runId}: the offer ${wireJobId(spec.jobId, attempt)}`;
