/**
 * Decisions that are not folded yet, one a run at most: asked of the log, then answered and awaited, or asked again later where
 * nobody knows what is stored. Pure but for its own table.
 */

export type OnTheWay = Readonly<{
  has(runId: string): boolean;
  /** `expected`: the last sequence of the run that the decision was made on. */
  begin(runId: string, expected: number, agentKey: string | undefined): void;
  /**
   * The log has answered: `seq` is to be folded before the next decision; undefined where nobody knows. `folded`: the last sequence
   * of the run, undefined where it is gone. True where nothing is awaited any more.
   */
  answered(
    runId: string,
    seq: number | undefined,
    folded: number | undefined,
    now: number,
  ): boolean;
  /** Whether what is awaited of the run lies at or before `seq`. */
  isAwaited(runId: string, seq: number): boolean;
  /** Gives back whose slot it took up. */
  end(runId: string): string | undefined;
  /** Runs that are to be decided about again. */
  due(now: number): readonly string[];
  nextDue(): number | undefined;
  /** Decisions that the log has not answered yet. */
  unanswered(): number;
}>;

type Awaited = Readonly<{
  seq: number | undefined;
  expected: number;
  agentKey: string | undefined;
}>;

const RETRY_MS = 1_000;

export function createOnTheWay(): OnTheWay {
  const awaited = new Map<string, Awaited>();
  /** All wait equally long: the first is the first due. */
  const retryAt = new Map<string, number>();
  let unanswered = 0;

  return {
    has: (runId) => awaited.has(runId),
    begin: (runId, expected, agentKey) => {
      awaited.set(runId, { seq: undefined, expected, agentKey });
      unanswered += 1;
    },
    answered: (runId, seq, folded, now) => {
      unanswered -= 1;
      const known = awaited.get(runId);
      if (known === undefined) return false;
      if (folded === undefined || (seq !== undefined && seq >= known.expected && folded >= seq))
        return true;
      // A log that says it ends before what was expected is not asked again at once.
      if (seq === undefined || seq < known.expected) retryAt.set(runId, now + RETRY_MS);
      else awaited.set(runId, { ...known, seq });
      return false;
    },
    isAwaited: (runId, seq) => (awaited.get(runId)?.seq ?? Number.POSITIVE_INFINITY) <= seq,
    end: (runId) => {
      const agentKey = awaited.get(runId)?.agentKey;
      awaited.delete(runId);
      retryAt.delete(runId);
      return agentKey;
    },
    due: (now) => {
      const runs: string[] = [];
      for (const [runId, at] of retryAt) {
        if (at > now) break;
        runs.push(runId);
      }
      return runs;
    },
    nextDue: () => {
      const [first] = retryAt.values();
      return first;
    },
    unanswered: () => unanswered,
  };
}
