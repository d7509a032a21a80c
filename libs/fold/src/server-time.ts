/** An estimate of the time at the log, between what the log itself has told. Only good for deciding when to look. */
import type { Clock } from '@waybill/process';

export type ServerTime = Readonly<{
  /** The greatest time told, and what has passed here since. */
  now(): number;
  observe(at: number): void;
}>;

export function serverTime(clock: Clock): ServerTime {
  let told = { at: 0, monotonicMs: clock.monotonicMs() };
  return {
    now: () => told.at + Math.max(0, clock.monotonicMs() - told.monotonicMs),
    observe: (at) => {
      if (at > told.at) told = { at, monotonicMs: clock.monotonicMs() };
    },
  };
}
