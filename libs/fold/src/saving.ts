/**
 * When a snapshot is saved: every minute if anything has changed, after many events at once, and whenever somebody asks. One
 * at a time. That one fails costs only a longer start; the next one is tried in its turn.
 */
import type { Positions } from '@waybill/journal';
import { type Clock, isOutage, type Logger, type Timer } from '@waybill/process';

export type SavingOptions = Readonly<{
  clock: Clock;
  log: Logger;
  name: string;
  maySave: () => boolean;
  write: (signal: AbortSignal) => Promise<void>;
  /** What a save would stand at. */
  positions: () => Positions;
}>;

export type Saving = Readonly<{
  begin(): void;
  /** An event was folded. */
  passed(): void;
  /** Rejects when it was not saved. */
  save(): Promise<void>;
  stop(): void;
}>;

const everyMs = 60_000;
const everyEvents = 50_000;

export function openSaving(o: SavingOptions): Saving {
  const ending = new AbortController();
  const timers: Timer[] = [];
  let last: Promise<unknown> = Promise.resolve();
  let hasBegun = false;
  let isSaving = false;
  let savedAt = '';
  let passed = 0;

  const write = async (): Promise<void> => {
    ending.signal.throwIfAborted();
    isSaving = true;
    passed = 0;
    try {
      const at = JSON.stringify(o.positions());
      await o.write(ending.signal);
      savedAt = at;
    } finally {
      isSaving = false;
    }
  };
  // Behind a promise in any case: whoever asks may be handling an event, which the reader does not count yet.
  const save = (): Promise<void> => {
    const saved = last.then(write);
    last = saved.catch(() => undefined);
    return saved;
  };
  const saveIfDue = (): void => {
    if (!hasBegun || isSaving || ending.signal.aborted || !o.maySave()) return;
    if (JSON.stringify(o.positions()) === savedAt) return;
    save().catch((error: unknown) => {
      if (ending.signal.aborted) return;
      const about = { err: error, snapshot: o.name };
      if (isOutage(error)) o.log.warn(about, 'the snapshot is saved another time');
      else o.log.error(about, 'the snapshot cannot be saved');
    });
  };
  return {
    begin: () => {
      hasBegun = true;
      timers.push(o.clock.every(everyMs, saveIfDue, { background: true }));
    },
    passed: () => {
      passed += 1;
      if (passed % everyEvents === 0) timers.push(o.clock.after(0, saveIfDue));
    },
    save,
    stop: () => {
      ending.abort(new Error('saving was stopped'));
      for (const timer of timers) timer.cancel();
    },
  };
}
