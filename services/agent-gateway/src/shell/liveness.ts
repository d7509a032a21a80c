/**
 * Probes every socket once an interval, a slice of them at a time, so that ten thousand pings never fall on one moment. Agents
 * never ping and would sit on a dead link for ever: finding that out is the gateway's task.
 */
import type { Clock, Timer } from '@waybill/process';
import { limits } from '../domain/limits.ts';

export type Probed = Readonly<{ probe(): void }>;

export type Liveness = Readonly<{
  watch(socket: Probed): void;
  forget(socket: Probed): void;
  stop(): void;
}>;

export function startLiveness(clock: Clock): Liveness {
  const slices = Array.from({ length: limits.pingSlices }, () => new Set<Probed>());
  let turn = 0;
  let next = 0;
  const timer: Timer = clock.every(
    limits.pingEveryMs / limits.pingSlices,
    () => {
      for (const socket of slices[turn] ?? []) socket.probe();
      turn = (turn + 1) % slices.length;
    },
    { background: true },
  );
  return {
    watch: (socket) => {
      slices[next]?.add(socket);
      next = (next + 1) % slices.length;
    },
    forget: (socket) => {
      for (const slice of slices) slice.delete(socket);
    },
    stop: () => timer.cancel(),
  };
}
