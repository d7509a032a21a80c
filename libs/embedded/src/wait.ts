/**
 * The only place of this library that waits. It sits below libs/process and watches child processes
 * of its own, so it polls with Node's timers directly, always with a bound.
 */
import { scheduler } from 'node:timers/promises';

export type Bound = Readonly<{ withinMs: number; everyMs?: number }>;

/** Asks until there is an answer; undefined when the bound is reached first. */
export async function until<T>(
  bound: Bound,
  ask: () => Promise<T | undefined>,
): Promise<T | undefined> {
  const deadline = performance.now() + bound.withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() >= deadline) return undefined;
    await scheduler.wait(bound.everyMs ?? 15);
  }
}
