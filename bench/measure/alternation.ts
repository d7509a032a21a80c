/**
 * The order of repetitions: forwards, then backwards, so that a slow drift of the machine meets
 * every variant alike. Stops before a repetition for which the time is not left.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { nowMs } from './monotonic.ts';

export type Alternation<V, R> = Readonly<{
  variants: readonly V[];
  reps: number;
  /** No repetition begins that would end later than this, as far as one knows; none for no bound. */
  withinMs: number | undefined;
  /** Before every run. */
  settle(): Promise<unknown>;
  run(variant: V, rep: number): Promise<R>;
}>;

const diskSettleMs = 10_000;

/** Results of whole repetitions only, in the order in which they ran. */
export async function alternate<V, R>({
  variants,
  reps,
  withinMs,
  settle,
  run,
}: Alternation<V, R>): Promise<readonly R[]> {
  const beganMs = nowMs();
  const results: R[] = [];
  let longestMs = 0;
  for (let rep = 0; rep < reps; rep++) {
    const startedMs = nowMs();
    if (rep > 0 && withinMs !== undefined && startedMs - beganMs + longestMs > withinMs) break;
    for (const variant of inTurn(variants, rep)) {
      await settle();
      results.push(await run(variant, rep));
    }
    longestMs = Math.max(longestMs, nowMs() - startedMs);
  }
  return results;
}

export const inTurn = <V>(variants: readonly V[], rep: number): readonly V[] =>
  rep % 2 === 0 ? variants : variants.toReversed();

/** What the last variant has written reaches the disk before the next one is timed. */
export async function settleDisk(): Promise<void> {
  // There is no `sync` everywhere; without it the first moments are a little less fair.
  await promisify(execFile)('sync', { timeout: diskSettleMs }).catch(() => undefined);
}
