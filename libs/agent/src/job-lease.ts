/**
 * The heartbeats of one job and what their answers promise. A job whose lease is over may by now be another agent's:
 * it is stopped. The lease counts from when the heartbeat was sent, which is before the server counts from.
 */
import type { Clock, Timer } from '@waybill/process';
import { isLeased, type wire } from '@waybill/protocol';
import type { AgentTiming } from './timing.ts';

export type JobLeaseOptions = Readonly<{
  clock: Clock;
  timing: AgentTiming;
  beat: () => void;
  onLapse: (leaseMs: number, force: boolean) => void;
  /** It has been taken or renewed, and is over in so long. */
  onLimit: (leftMs: number) => void;
}>;

export type JobLease = Readonly<{
  onSession(extensions: wire.WireExtensions | undefined): void;
  /** A heartbeat has left on the socket of this session. */
  onSent(): void;
  /** The job was granted: until a heartbeat is answered its lease counts from its ack. */
  begin(leaseMs: number): void;
  renew(leaseMs: number): void;
  end(): void;
}>;

export function createJobLease(o: JobLeaseOptions): JobLease {
  const { clock, timing } = o;
  let intervalMs = timing.jobHeartbeatMs;
  let unanswered: number[] = [];
  const takenMs = clock.monotonicMs();
  let sinceMs = takenMs;
  let isLimited = false;
  let isAnswered = false;
  let lapse: Timer | undefined;
  let next: Timer;

  const leftMs = (leaseMs: number): number => sinceMs + leaseMs - clock.monotonicMs();
  /** The job is told to stop so early that it has stopped when the lease is over; what has not by then is ended. */
  const watch = (fromMs: number, leaseMs: number): void => {
    isLimited = true;
    sinceMs = Math.max(sinceMs, fromMs);
    const marginMs = Math.min(timing.leaseMarginMs, leaseMs / 4);
    const at = (earlierMs: number, force: boolean): void => {
      lapse?.cancel();
      lapse = clock.after(leftMs(leaseMs) - earlierMs, () => {
        // Timers count in whole milliseconds and may fire a little early: what is left is waited for.
        if (isLeased(clock.monotonicMs() - sinceMs + earlierMs, leaseMs))
          return at(earlierMs, force);
        o.onLapse(leaseMs, force);
        if (!force) at(0, true);
      });
    };
    at(marginMs, false);
    o.onLimit(leftMs(leaseMs));
  };

  const beat = (): void => {
    next = clock.after(intervalMs, beat);
    o.beat();
  };
  next = clock.after(intervalMs, beat);

  return {
    onSession: (extensions) => {
      // What was sent on another socket may never be answered.
      unanswered = [];
      if (extensions?.heartbeatAck !== true || isAnswered) return;
      next.cancel();
      next = clock.after(Math.min(timing.firstLeaseMs, intervalMs), beat);
    },
    onSent: () => void unanswered.push(clock.monotonicMs()),
    begin: (leaseMs) => {
      if (!isLimited) watch(takenMs, leaseMs);
    },
    renew: (leaseMs) => {
      const sentMs = unanswered.shift();
      if (sentMs === undefined) return;
      isAnswered = true;
      // Two heartbeats may be lost before the lease is.
      intervalMs = Math.min(timing.jobHeartbeatMs, Math.max(leaseMs / 3, 1));
      next.cancel();
      next = clock.after(intervalMs, beat);
      watch(sentMs, leaseMs);
    },
    end: () => {
      next.cancel();
      lapse?.cancel();
    },
  };
}
