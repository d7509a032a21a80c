/**
 * Keeps the process below its open-file limit, and says so where it is reached: in the log once in a while, and in readiness.
 * At the limit the system closes new connections without a word to us, and files, NATS among them, cannot be opened either.
 */
import {
  type Clock,
  type Logger,
  openFileLimit,
  outOfOpenFiles,
  type Readiness,
} from '@waybill/process';
import { limits } from '../domain/limits.ts';

export type OpenFiles = Readonly<{
  /** For one more socket, beside those that there are. Where there is none it is said. */
  hasRoom(sockets: number): boolean;
  check(sockets: number): Readiness;
  stop(): void;
}>;

type Deps = Readonly<{ clock: Clock; log: Logger }>;

export function watchOpenFiles({ clock, log }: Deps): OpenFiles {
  const limit = openFileLimit();
  const left = (limit ?? Number.POSITIVE_INFINITY) - limits.openFilesReserve;
  const socketsMax = Math.min(limits.socketsMax, left);
  const place = { openFiles: limit, sockets: socketsMax };
  if (left < limits.socketsMax)
    log.warn(place, 'the open-file limit allows fewer sockets than a gateway may hold');
  let saidMs = Number.NEGATIVE_INFINITY;
  let isOut = false;

  const isDue = (): boolean => {
    const nowMs = clock.monotonicMs();
    if (nowMs - saidMs < limits.fullAgainMs) return false;
    saidMs = nowMs;
    return true;
  };
  const look = async (): Promise<void> => {
    isOut = await outOfOpenFiles();
    if (isOut && isDue())
      log.error(
        place,
        'the open-file limit is reached (EMFILE): connections and files are refused',
      );
  };
  const timer = clock.every(limits.openFilesLookMs, () => void look(), { background: true });

  return {
    hasRoom: (sockets) => {
      if (sockets < socketsMax) return true;
      if (isDue()) log.error(place, 'all sockets that this gateway may hold are taken');
      return false;
    },
    check: (sockets) => {
      if (isOut) return { ready: false, reason: 'the open-file limit is reached' };
      if (sockets >= socketsMax)
        return { ready: false, reason: 'all sockets that this gateway may hold are taken' };
      return { ready: true };
    },
    stop: () => timer.cancel(),
  };
}
