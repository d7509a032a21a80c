/** A bound on how long something may take, joined with a signal that may end it earlier. */
import type { Clock } from '@waybill/process';

export class TimedOut extends Error {
  override readonly name = 'TimedOut';
  readonly what: 'step' | 'job' | 'checkout';

  constructor(what: TimedOut['what'], limitMs: number) {
    super(`the ${what} took longer than ${limitMs} ms`);
    this.what = what;
  }
}

export type TimeLimit = Readonly<{
  /** Aborted with the parent's reason, or with a `TimedOut`. */
  signal: AbortSignal;
  cancel(): void;
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
  const timer =
    limitMs === undefined
      ? undefined
      : o.clock.after(limitMs, () => own.abort(new TimedOut(o.what, limitMs)));
  return {
    signal: own.signal,
    cancel: () => {
      timer?.cancel();
      o.parent.removeEventListener('abort', onParent);
    },
  };
}
