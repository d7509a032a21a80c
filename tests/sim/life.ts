/**
 * One life of a simulated process, from its start to its end. Frozen, its events wait; ended, nothing reaches it any more. A
 * process that is started again has another life.
 */
import type { SimEvent } from './event-queue.ts';

export type Trap = Readonly<{ milestone: string; spring: () => void }>;

export type Life = {
  readonly name: string;
  /** Counts all lives of a world: part of the trace. */
  readonly no: number;
  isAlive: boolean;
  isFrozen: boolean;
  /** Something has befallen it alone: frozen, cut off, or served badly. */
  isDisturbed: boolean;
  /** Springs once, when it passes the milestone. */
  trap: Trap | undefined;
  /** What it was about to send when it was stopped. */
  readonly outgoing: (() => void)[];
  /** What came while it was frozen, in its order. */
  readonly backlog: SimEvent[];
  /** Told once, in the world's own time, when it ends. */
  readonly onEnd: (() => void)[];
  /** What this host believes its clock to be off by. */
  readonly hostOffsetMs: number;
  readonly bornMs: number;
};
