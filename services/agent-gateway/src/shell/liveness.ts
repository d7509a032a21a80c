/**
 * The sockets that there are. Probes every one of them once an interval, a slice at a time, so that ten thousand pings never fall
 * on one moment. Agents never ping and would sit on a dead link for ever: finding that out is the gateway's task.
 */
import type { Clock, Timer } from '@waybill/process';
import { limits } from '../domain/limits.ts';

export type Probed = Readonly<{ probe(): void }>;

export type Liveness<T> = Readonly<{
  watch(socket: T): void;
  forget(socket: T): void;
  all(): readonly T[];
  count(): number;
  stop(): void;
}>;

export function startLiveness<T extends Probed>(clock: Clock): Liveness<T> {
  const slices = Array.from({ length: limits.pingSlices }, () => new Set<T>());
  let turn = 0;
  let next = 0;
  let count = 0;
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
      count += 1;
    },
    forget: (socket) => {
      for (const slice of slices) if (slice.delete(socket)) count -= 1;
    },
    all: () => slices.flatMap((slice) => [...slice]),
    count: () => count,
    stop: () => timer.cancel(),
  };
}
