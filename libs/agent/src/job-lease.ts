/**
 * The heartbeats of one job and what their answers promise. A job whose lease is over may by now be another agent's:
 * it is stopped. The lease counts from when the heartbeat was sent, which is before the server counts from.
 */
import type { Clock, Timer } from '@waybill/process';
import type { wire } from '@waybill/protocol';
import type { AgentTiming } from './timing.ts';

export type JobLeaseOptions = Readonly<{
  clock: Clock;
  timing: AgentTiming;
  beat: () => void;
  onLapse: (leaseMs: number) => void;
}>;

export type JobLease = Readonly<{
  onSession(extensions: wire.WireExtensions | undefined): void;
  /** A heartbeat has left on the socket of this session. */
  onSent(): void;
  renew(leaseMs: number): void;
  end(): void;
}>;

export function createJobLease(o: JobLeaseOptions): JobLease {
  const { clock, timing } = o;
  let intervalMs = timing.jobHeartbeatMs;
  let unanswered: number[] = [];
  let untilMs = 0;
  let lapse: Timer | undefined;
  let next: Timer;

  const beat = (): void => {
    next = clock.after(intervalMs, beat);
    o.beat();
  };
  next = clock.after(intervalMs, beat);

  return {
    onSession: (extensions) => {
      // What was sent on another socket may never be answered.
      unanswered = [];
      if (extensions?.heartbeatAck !== true || untilMs > 0) return;
      next.cancel();
      next = clock.after(Math.min(timing.firstLeaseMs, intervalMs), beat);
    },
    onSent: () => void unanswered.push(clock.monotonicMs()),
    renew: (leaseMs) => {
      const sentMs = unanswered.shift();
      if (sentMs === undefined) return;
      // Two heartbeats may be lost before the lease is.
      intervalMs = Math.min(timing.jobHeartbeatMs, Math.max(leaseMs / 3, 1));
      untilMs = Math.max(untilMs, sentMs + leaseMs);
      lapse?.cancel();
      lapse = clock.after(untilMs - clock.monotonicMs(), () => o.onLapse(leaseMs));
    },
    end: () => {
      next.cancel();
      lapse?.cancel();
    },
  };
}
