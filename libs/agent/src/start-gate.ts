/**
 * When an acknowledged job may start: at once, or where the server grants, with its `job.granted` and not before.
 * A grant that does not come in time gives the job up without running it.
 */
import type { Clock, Timer } from '@waybill/process';
import type { wire } from '@waybill/protocol';

export class NotGranted extends Error {
  override readonly name = 'NotGranted';
  readonly code = 'not_granted';
}

export type StartGate = Readonly<{
  /** Resolves when the job may start; rejects when it is given up or aborted. */
  opened(signal: AbortSignal): Promise<void>;
  grant(): void;
  onSession(extensions: wire.WireExtensions | undefined): void;
}>;

/** `grantable`: the dispatch named a fence, so a grant can name the job. */
export function createStartGate(
  o: Readonly<{ clock: Clock; grantMs: number; grantable: boolean }>,
): StartGate {
  const open = Promise.withResolvers<void>();
  let timer: Timer | undefined;

  return {
    opened: async (signal) => {
      const onAbort = (): void => open.reject(signal.reason);
      if (signal.aborted) onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        await open.promise;
      } finally {
        signal.removeEventListener('abort', onAbort);
        timer?.cancel();
      }
    },
    grant: open.resolve,
    onSession: (extensions) => {
      timer?.cancel();
      // Whether there will be a grant is known only from a registration; while away, nobody can grant.
      if (extensions === undefined) return;
      if (extensions.granted && o.grantable) {
        timer = o.clock.after(o.grantMs, () => {
          open.reject(new NotGranted(`job.granted did not come within ${o.grantMs} ms`));
        });
      } else open.resolve();
    },
  };
}
