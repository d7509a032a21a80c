/**
 * Whether the log of runs has room for new work. At 90 % of its limit nothing new is begun: the rest is kept for facts and for
 * endings, of runs and of triggers that were taken.
 */
import type { Journal } from '@waybill/journal';
import type { Clock, Logger } from '@waybill/process';

export type LogRoom = Readonly<{
  isFull(): boolean;
  stop(): void;
}>;

export type LogRoomOptions = Readonly<{
  journal: Pick<Journal, 'info'>;
  clock: Clock;
  log: Logger;
  /** There is room again. */
  onRoom: () => void;
}>;

const LOOK_MS = 2_000;
const FULL_RATIO = 0.9;

export async function watchLogRoom({
  journal,
  clock,
  log,
  onRoom,
}: LogRoomOptions): Promise<LogRoom> {
  let isFull = false;

  const look = async (): Promise<void> => {
    try {
      const { bytes, maxBytes } = await journal.info('WB_RUNS');
      const was = isFull;
      isFull = maxBytes > 0 && bytes >= FULL_RATIO * maxBytes;
      if (was === isFull) return;
      const about = { stream: 'WB_RUNS', bytes, maxBytes };
      if (isFull) log.error(about, 'the log is nearly full: no run is created and no job offered');
      else log.info(about, 'the log has room again');
      if (!isFull) onRoom();
    } catch (error) {
      // The appends themselves will say whether the log is there.
      log.debug({ err: error }, 'the room of the log is not known');
    }
  };
  await look();
  const timer = clock.every(LOOK_MS, () => void look(), { background: true });
  return { isFull: () => isFull, stop: () => timer.cancel() };
}
