/**
 * Whether the log has room for something new: at 90 % of a stream's limit nothing new is taken, and the rest is kept for
 * facts and endings. Asked at every intake, so the answer is at most a moment old and never waited for.
 */
import type { Journal } from '@waybill/journal';
import type { Clock, Logger } from '@waybill/process';
import type { StreamName } from '@waybill/protocol';
import type { Limits } from '../domain/limits.ts';

export type Capacity = Readonly<{
  /** The stream that is nearly full. */
  full(): StreamName | undefined;
  refresh(): Promise<void>;
}>;

const watched = ['WB_TRIGGERS', 'WB_RUNS'] as const satisfies readonly StreamName[];

export function watchCapacity(
  o: Readonly<{ journal: Journal; clock: Clock; log: Logger; bounds: Limits }>,
): Capacity {
  const { journal, clock, log, bounds } = o;
  let full: StreamName | undefined;
  let readAtMs = Number.NEGATIVE_INFINITY;

  const refresh = async (): Promise<void> => {
    readAtMs = clock.monotonicMs();
    try {
      const infos = await Promise.all(watched.map((stream) => journal.info(stream)));
      const index = infos.findIndex(
        ({ bytes, maxBytes }) => maxBytes > 0 && bytes >= bounds.streamFullRatio * maxBytes,
      );
      const now = watched[index];
      if (now !== full)
        log.warn(
          { stream: now ?? full },
          now === undefined ? 'the stream has room again' : 'the stream is nearly full',
        );
      full = now;
    } catch (error) {
      // The append itself will say whether the log is there.
      log.debug({ err: error }, 'the room of the log is not known');
    }
  };
  return {
    full: () => {
      if (clock.monotonicMs() - readAtMs > bounds.capacityMs) void refresh();
      return full;
    },
    refresh,
  };
}
