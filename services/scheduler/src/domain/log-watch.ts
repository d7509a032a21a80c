/**
 * Whether the log was away, seen from here: no answer to a question and none to an append for more than two seconds, be it that the
 * log was silent or that this process stood still. Pure: monotonic times of this host come in, how long it lasted comes out.
 */

/** Elections take this long and are no outage; deadlines that were open during a longer one are extended. */
export const AWAY_MS = 2_000;

export type LogWatch = Readonly<{
  answered(atMs: number): void;
  /** An append from then on has no answer, or had one too late. */
  unanswered(sinceMs: number): void;
  /** To be asked when the log has just answered: how long it was away before, said once. */
  wasAway(atMs: number): number | undefined;
}>;

export function createLogWatch(startMs: number): LogWatch {
  let answeredMs = startMs;
  let awaySinceMs: number | undefined;
  const unanswered = (sinceMs: number): void => {
    awaySinceMs = Math.min(awaySinceMs ?? sinceMs, sinceMs);
  };
  return {
    answered: (atMs) => {
      if (atMs - answeredMs > AWAY_MS) unanswered(answeredMs);
      answeredMs = Math.max(answeredMs, atMs);
    },
    unanswered,
    wasAway: (atMs) => {
      if (awaySinceMs === undefined) return undefined;
      const awayMs = Math.max(0, atMs - awaySinceMs);
      awaySinceMs = undefined;
      return awayMs;
    },
  };
}
