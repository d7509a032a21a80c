/**
 * Invariant 3, and the part of 1 that only agents can see: what their diaries say against what the log says. An offer reaches a
 * socket at most once, and what an agent of our SDK starts is its own in the log, and started by nobody else.
 */
import type { Job } from '@waybill/protocol';
import { parseWireJobId } from '@waybill/protocol';
import type { DiaryEntry, Violation } from './evidence.ts';
import type { RunStory } from './run-story.ts';

export function dispatchedOnce(
  diary: readonly DiaryEntry[],
  runs: readonly RunStory[],
): readonly Violation[] {
  const found: Violation[] = [];
  const written = new Set<string>();
  const jobs = jobsById(runs);
  for (const { agentId, wireJobId, what } of diary) {
    if (what !== 'dispatched') continue;
    const wire = parseWireJobId(wireJobId);
    const attempt = jobs
      .get(wire?.jobId ?? '')
      ?.attempts.find((each) => each.attempt === wire?.attempt);
    if (written.has(wireJobId))
      found.push(word(1, null, `${wireJobId} was written to a socket twice`));
    written.add(wireJobId);
    if (attempt?.agentId !== agentId)
      found.push(
        word(
          1,
          null,
          `${wireJobId} was written to ${agentId}, the log has it offered to ${attempt?.agentId ?? 'nobody'}`,
        ),
      );
  }
  return found;
}

export function oneRunner(
  diary: readonly DiaryEntry[],
  runs: readonly RunStory[],
): readonly Violation[] {
  const found: Violation[] = [];
  const jobs = jobsById(runs);
  const running = new Map<string, string>();
  for (const { agentId, kind, wireJobId, what, fence } of diary) {
    const wire = parseWireJobId(wireJobId);
    if (kind !== 'granted' || what === 'dispatched' || wire === undefined) continue;
    if (what === 'stop') {
      running.delete(wire.jobId);
      continue;
    }
    const other = running.get(wire.jobId);
    if (other !== undefined)
      found.push(word(3, null, `${agentId} started ${wireJobId} while ${other} was at it`));
    running.set(wire.jobId, `${agentId} with ${wireJobId}`);
    const attempt = jobs.get(wire.jobId)?.attempts.find((each) => each.attempt === wire.attempt);
    if (
      attempt?.resolution !== 'accepted' ||
      attempt.agentId !== agentId ||
      attempt.fence !== fence
    )
      found.push(
        word(
          3,
          attempt?.fence ?? null,
          `${agentId} started ${wireJobId} with fence ${fence}, which the log never gave to it`,
        ),
      );
  }
  return found;
}

/** Work that may not be retried is not begun twice either, not even in another attempt. */
export function begunOnce(
  diary: readonly DiaryEntry[],
  runs: readonly RunStory[] = [],
): readonly Violation[] {
  const jobs = jobsById(runs);
  const times = new Map<string, number>();
  for (const { kind, what, wireJobId } of diary) {
    const jobId = parseWireJobId(wireJobId)?.jobId ?? '';
    const begun = jobs.get(jobId)?.spec['retries'] === undefined ? jobId : wireJobId;
    if (kind === 'granted' && what === 'start') times.set(begun, (times.get(begun) ?? 0) + 1);
  }
  return [...times].flatMap(([begun, count]) =>
    count > 1
      ? [word(3, null, `${begun} was begun ${count} times by agents that wait to be granted`)]
      : [],
  );
}

/** What comes first is stored first: an offer before its frame, an ack before the grant that it leads to. */
export function storedBefore(
  diary: readonly DiaryEntry[],
  runs: readonly RunStory[],
): readonly Violation[] {
  const jobs = jobsById(runs);
  return diary.flatMap(({ kind, what, wireJobId, agentId, at }) => {
    const wire = parseWireJobId(wireJobId);
    const attempt = jobs
      .get(wire?.jobId ?? '')
      ?.attempts.find((each) => each.attempt === wire?.attempt);
    if (attempt === undefined) return [];
    if (what === 'dispatched' && at < attempt.offeredAt)
      return [
        word(1, attempt.fence, `${wireJobId} reached ${agentId} before its offer was stored`),
      ];
    const isBegun = kind === 'granted' && what === 'start';
    return isBegun && at < (attempt.resolvedAt ?? 0)
      ? [word(3, attempt.fence, `${agentId} began ${wireJobId} before its ack was stored`)]
      : [];
  });
}

const jobsById = (runs: readonly RunStory[]): ReadonlyMap<string, Job> =>
  new Map(runs.flatMap(({ end }) => end.jobs.map((job) => [job.spec.jobId, job] as const)));

const word = (invariant: number, seq: number | null, what: string): Violation => ({
  invariant,
  seq,
  what,
});
