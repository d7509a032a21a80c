/** What is said between the main thread and those that play seeds. */
import type { Replacement } from './module-hooks.ts';
import type { Outcome } from './simulation.ts';

export type WorkerSetup = Readonly<{ guard: Replacement | undefined; keepsTrace: boolean }>;
/** Play these, one after the other. */
export type Order = Readonly<{ seeds: readonly number[] }>;
/** One of them is over. Green ones leave no trace. */
export type Played = Outcome;
