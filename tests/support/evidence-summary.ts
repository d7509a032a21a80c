/** What a fault run met, as counts: a test asserts by it that the rare branches were really taken. */
import type { Evidence } from './evidence.ts';
import { runStories } from './run-story.ts';

export type EvidenceSummary = Readonly<{
  runs: number;
  triggers: number;
  /** Runs by state, attempts by resolution and cause, events by type, void events by reason. */
  states: Readonly<Record<string, number>>;
  resolutions: Readonly<Record<string, number>>;
  events: Readonly<Record<string, number>>;
  voids: Readonly<Record<string, number>>;
  /** Jobs that did not succeed, by their reason. */
  failures: Readonly<Record<string, number>>;
  /** Agents that let an offer expire. */
  expired: readonly string[];
  /** Requests by status, 0 for those without an answer. */
  answers: Readonly<Record<string, number>>;
  diary: number;
}>;

export function summaryOf({ log, ledger, diary }: Evidence): EvidenceSummary {
  const stories = runStories(log.WB_RUNS);
  const moments = stories.flatMap((story) => story.moments);
  const jobs = stories.flatMap(({ end }) => end.jobs);
  const attempts = jobs.flatMap((job) => job.attempts);
  return {
    runs: stories.length,
    triggers: log.WB_TRIGGERS.filter(({ subject }) => subject.endsWith('.received')).length,
    states: counted(stories.map(({ end }) => end.state)),
    resolutions: counted(
      attempts.map(({ resolution, cause }) => `${resolution} ${cause ?? ''}`.trim()),
    ),
    events: counted(moments.map(({ event }) => event.type)),
    voids: counted(
      moments
        .filter(({ isVoid }) => isVoid)
        .map(({ event, after }) => `${event.type} ${after.lastVoid?.why}`),
    ),
    failures: counted(jobs.flatMap(({ failure }) => failure ?? [])),
    expired: [
      ...new Set(
        attempts.filter((each) => each.resolution === 'expired').map((each) => each.agentId),
      ),
    ].toSorted(),
    answers: counted(ledger.map(({ status }) => String(status ?? 0))),
    diary: diary.length,
  };
}

function counted(words: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const word of words.toSorted()) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}
