/**
 * What the scheduler owes beyond deadlines: extensions after an outage, and the ends of sessions whose gateway is lost. Kept until
 * the log shows them, each tried again until then; the list is changed in place.
 */
import type { Place } from './job-register.ts';

export type Errand =
  /** `since`: what was open by then. `awayMs` also moves the return of a lost agent; 0 where only answers could not come. */
  | (Place & Readonly<{ kind: 'extend'; cause: string; since: number; awayMs: number }>)
  | (Place & Readonly<{ kind: 'end'; session: number }>)
  | Readonly<{ kind: 'bury'; session: number }>;

/** `moved`: the log went on first. `void`: there is nothing to do (any more). With `seq`, the run's last event that is known of. */
export type Outcome = Readonly<{ is: 'stored' | 'moved'; seq: number } | { is: 'failed' | 'void' }>;

export const RETRY_MS = 1_000;

export type ErrandList = Readonly<{
  set(errand: Errand): void;
  /** Unless there is one about the same already. */
  ensure(errand: Errand): void;
  find(kind: Errand['kind'], about: string | number): Errand | undefined;
  drop(kind: Errand['kind'], about: string | number): void;
  /** What may be taken now, as the caller says of each; given once, until it is settled. */
  take(now: number, max: number, isFree: (errand: Errand) => boolean): readonly Errand[];
  settled(errand: Errand, outcome: Outcome, now: number): void;
  nextAt(): number | undefined;
}>;

type Entry = Readonly<{ errand: Errand; againAt: number }>;

export function createErrandList(): ErrandList {
  const entries = new Map<string, Entry>();
  const set = (errand: Errand, againAt = 0): void => {
    entries.set(keyOf(errand), { errand, againAt });
  };
  return {
    set,
    ensure: (errand) => {
      if (!entries.has(keyOf(errand))) set(errand);
    },
    find: (kind, about) => entries.get(`${kind} ${about}`)?.errand,
    drop: (kind, about) => entries.delete(`${kind} ${about}`),
    take: (now, max, isFree) => {
      const taken: Errand[] = [];
      for (const { errand, againAt } of entries.values()) {
        if (taken.length >= max) break;
        if (againAt > now || !isFree(errand)) continue;
        taken.push(errand);
      }
      for (const errand of taken) set(errand, Number.POSITIVE_INFINITY);
      return taken;
    },
    settled: (errand, outcome, now) => {
      const key = keyOf(errand);
      if (entries.get(key)?.errand !== errand) return;
      // What is stored may be void all the same: for ends, the fold says when they are done.
      if (outcome.is === 'void' || (outcome.is === 'stored' && errand.kind === 'extend'))
        entries.delete(key);
      else set(errand, outcome.is === 'moved' ? now : now + RETRY_MS);
    },
    nextAt: () => {
      let next: number | undefined;
      for (const { againAt } of entries.values())
        next = Math.min(next ?? Number.POSITIVE_INFINITY, againAt);
      return next;
    },
  };
}

const keyOf = (errand: Errand): string =>
  `${errand.kind} ${errand.kind === 'bury' ? errand.session : errand.jobId}`;
