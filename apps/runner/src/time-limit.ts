/** A bound on how long something may take, joined with a signal that may end it earlier. */
import type { Clock, Timer } from '@waybill/process';

export class TimedOut extends Error {
  override readonly name = 'TimedOut';
  readonly what: 'step' | 'job' | 'checkout' | 'installation' | 'download' | 'hook';

  constructor(what: TimedOut['what'], limitMs: number) {
    super(`the ${what} took longer than ${limitMs} ms`);
    this.what = what;
  }
}

export type TimeLimit = Readonly<{
  /** Aborted with the parent's reason, or with a `TimedOut`. */
  signal: AbortSignal;
  cancel(): void;
  /** Waiting for people is nobody's work: until `resume` no time passes here. */
  pause(): void;
  resume(): void;
}>;

export function timeLimit(
  o: Readonly<{
    clock: Clock;
    parent: AbortSignal;
    what: TimedOut['what'];
    limitMs: number | undefined;
  }>,
): TimeLimit {
  const { limitMs } = o;
  const own = new AbortController();
  const onParent = (): void => own.abort(o.parent.reason);
  if (o.parent.aborted) onParent();
  else o.parent.addEventListener('abort', onParent, { once: true });
  let leftMs = limitMs ?? Number.POSITIVE_INFINITY;
  let sinceMs = 0;
  let timer: Timer | undefined;
  const pause = (): void => {
    if (!timer) return;
    timer.cancel();
    timer = undefined;
    leftMs -= o.clock.monotonicMs() - sinceMs;
  };
  const resume = (): void => {
    if (limitMs === undefined || timer || own.signal.aborted) return;
    sinceMs = o.clock.monotonicMs();
    timer = o.clock.after(leftMs, () => own.abort(new TimedOut(o.what, limitMs)));
  };
  resume();
  return {
    signal: own.signal,
    cancel: () => {
      timer?.cancel();
      o.parent.removeEventListener('abort', onParent);
    },
    pause,
    resume,
  };
}
