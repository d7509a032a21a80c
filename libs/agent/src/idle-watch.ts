/**
 * When an agent that a scaler made has had nothing to do for long enough to leave. One that was promised a dispatch at its
 * registration waits longer for its first: leaving early would throw away what it was made for.
 */
import type { Clock, Timer } from '@waybill/process';
import type { AgentTiming } from './timing.ts';

export type IdleReason = 'idle' | 'no-dispatch';

export type IdleWatch = Readonly<{
  onRegistered(o: Readonly<{ scalerManaged: boolean; pendingDispatch: boolean }>): void;
  onSize(jobs: number): void;
  end(): void;
}>;

export function createIdleWatch(
  o: Readonly<{ clock: Clock; timing: AgentTiming; onIdle: (reason: IdleReason) => void }>,
): IdleWatch {
  let isManaged = false;
  let jobs = 0;
  let timer: Timer | undefined;

  const arm = (ms: number, reason: IdleReason): void => {
    timer?.cancel();
    timer = isManaged && jobs === 0 ? o.clock.after(ms, () => o.onIdle(reason)) : undefined;
  };

  return {
    onRegistered: ({ scalerManaged, pendingDispatch }) => {
      isManaged = scalerManaged;
      if (pendingDispatch) arm(o.timing.pendingDispatchMs, 'no-dispatch');
      else arm(o.timing.idleMs, 'idle');
    },
    onSize: (size) => {
      jobs = size;
      arm(o.timing.idleMs, 'idle');
    },
    end: () => {
      isManaged = false;
      timer?.cancel();
    },
  };
}
