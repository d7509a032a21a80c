/**
 * The gateway's lease: while it surely holds it, schedulers let its sessions live and it writes offers to them. What it may not
 * write now waits until it may again. It costs and protects nothing else: facts are stored with or without it.
 */
import type { Journal } from '@waybill/journal';
import { milestone } from '@waybill/process';
import { holdsLease, leaseOfGateway } from '@waybill/protocol';
import { limits } from '../domain/limits.ts';

export type Tenure = Readonly<{
  isHeld(): boolean;
  /** Resolves at once while it is held, else when it is again; rejects with the signal's reason. */
  held(signal: AbortSignal): Promise<void>;
  /** Gives it up, so that nobody waits for it to lapse. */
  release(): Promise<void>;
}>;

type Deps = Readonly<{
  journal: Pick<Journal, 'lease'>;
  /** As `<id>/<start>`. */
  gateway: string;
}>;

export function openTenure({ journal, gateway }: Deps): Tenure {
  const waiting = new Set<() => void>();
  const name = leaseOfGateway(gateway);
  const lease = journal.lease({
    name,
    holder: gateway,
    ttlMs: limits.leaseMs,
    onGained: (epoch) => {
      milestone('lease.gained', { name, epoch });
      for (const wake of waiting) wake();
    },
  });
  const isHeld = (): boolean => holdsLease(lease.epoch());
  return {
    isHeld,
    held: async (signal) => {
      while (!isHeld()) {
        signal.throwIfAborted();
        const woken = Promise.withResolvers<void>();
        const wake = (): void => woken.resolve();
        waiting.add(wake);
        signal.addEventListener('abort', wake, { once: true });
        await woken.promise;
        waiting.delete(wake);
        signal.removeEventListener('abort', wake);
      }
    },
    release: lease.release,
  };
}
