/** How many agents of a pool there should be: the one question that another scaler may answer in its own way. */

/** Agents that are alike: what they offer to jobs, and how many of them there may be. */
export type Pool = Readonly<{
  name: string;
  /** All that its agents will register with. */
  labels: readonly string[];
  min: number;
  max: number;
  /** Jobs that one agent takes at once. */
  concurrency: number;
  /** An agent beyond `min` that has had no job for so long ends itself. */
  idleTimeoutMs: number;
  /** An agent that has not registered so long after it was started has failed. */
  startTimeoutMs: number;
}>;

export type Scaler = Readonly<{
  /**
   * How many agents with these labels there should be. `queueDepth`: jobs that are theirs to do, those in hand included. What it
   * says is held between the pool's `min` and `max`.
   */
  wanted(labels: readonly string[], queueDepth: number): number;
}>;

/** As many as it takes to have every job in hand at once. */
export const slotScaler = ({ concurrency }: Pick<Pool, 'concurrency'>): Scaler => ({
  wanted: (_labels, queueDepth) => Math.ceil(queueDepth / concurrency),
});
