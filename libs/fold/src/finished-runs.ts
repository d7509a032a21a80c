/** The runs that finished last, as many as its bound allows: what is forgotten was finished longest ago. */

export type FinishedRuns = Readonly<{
  add(runId: string): void;
  has(runId: string): boolean;
  /** Oldest first. */
  ids(): readonly string[];
}>;

export function rememberFinished(max: number): FinishedRuns {
  const known = new Set<string>();
  // A ring: finding the oldest in a set means to look past all that were removed before it.
  const ring: string[] = [];
  let next = 0;
  return {
    add: (runId) => {
      if (known.has(runId)) return;
      const oldest = ring[next];
      if (oldest !== undefined) known.delete(oldest);
      ring[next] = runId;
      known.add(runId);
      next = (next + 1) % max;
    },
    has: (runId) => known.has(runId),
    ids: () => [...ring.slice(next), ...ring.slice(0, next)],
  };
}
