/**
 * A lease: at most one candidate of a name holds it at any instant, wherever they run and however they freeze. The holder
 * trusts it for half its TTL from the start of the last append that is known to be stored, by its own monotonic clock; the
 * server lets it lapse a whole TTL after it stored that append. It only saves work: a holder may freeze right after it
 * asked for its epoch.
 */
import { newId, type Timer } from '@waybill/process';
import type { Connection } from './connection.ts';
import { type Attempt, openLeaseAppends } from './lease-append.ts';
import type { LeaseBoard } from './lease-board.ts';
import { type LeaseRecord, leaseSubject } from './lease-record.ts';
import type { Publisher } from './publisher.ts';

export type LeaseOptions = Readonly<{
  /** Tokens joined by dots: `dispatcher.0of1`. */
  name: string;
  /** Shown to people. */
  holder: string;
  /** The server lets it lapse after so long without renewal; at least 1 s, and counted in whole seconds, rounded up. */
  ttlMs: number;
  onGained?: (epoch: number) => void;
  /** Also when it could not be renewed for half its TTL. Not after a release. */
  onLost?: () => void;
}>;

export type Lease = Readonly<{
  /**
   * While it is surely held, else undefined. The sequence of the append that took it: greater for every next holder, and for
   * the same one after a loss.
   */
  epoch(): number | undefined;
  /** Gives it up, so that the next holder need not wait for the TTL. Never rejects: where the log is away, the TTL does it. */
  release(): Promise<void>;
}>;

type Deps = Readonly<{ connection: Connection; board: LeaseBoard; publisher: Publisher }>;
type Holding = { readonly epoch: number; seq: number; sinceMs: number };

const ttlMsMin = 1_000;
const takeMsMax = 3_000;
/** How long one try may take; the next one goes out beside it, and either proves the lease. */
const renewMsMin = 250;
const renewMsMax = 1_000;

/** Campaigns until released. */
export function openLease(deps: Deps, o: LeaseOptions): Lease {
  const { clock, log } = deps.connection;
  const { board } = deps;
  const subject = leaseSubject(o.name);
  if (!(o.ttlMs >= ttlMsMin))
    throw new RangeError(`the TTL of a lease is at least ${ttlMsMin} ms, got ${o.ttlMs}`);
  const id = newId();
  const halfMs = o.ttlMs / 2;
  const about = { lease: o.name, holder: o.holder };
  const appends = openLeaseAppends(deps, { ...o, subject, id });
  const ending = new AbortController();
  let holding: Holding | undefined;
  let losing: Timer | undefined;
  let awake = Promise.withResolvers<void>();

  const isFresh = (held: Holding): boolean => clock.monotonicMs() - held.sinceMs < halfMs;
  const wake = (): void => {
    awake.resolve();
    awake = Promise.withResolvers<void>();
  };
  const pause = async (ms: number): Promise<void> => {
    const woken = awake.promise;
    const enough = new AbortController();
    await Promise.race([
      woken,
      clock.sleep(ms, AbortSignal.any([ending.signal, enough.signal])).catch(() => undefined),
    ]);
    enough.abort();
  };
  /** Apart from what called it: a mistake of the owner is a defect, not a failure of the lease. */
  const told = (callback: (() => void) | undefined): void => {
    if (callback !== undefined) queueMicrotask(callback);
  };
  const lose = (why: string): void => {
    const lost = holding;
    if (lost === undefined) return;
    holding = undefined;
    losing?.cancel();
    log.warn({ ...about, epoch: lost.epoch, why }, 'lease lost');
    wake();
    told(o.onLost);
  };
  const watchHalf = (held: Holding): void => {
    losing?.cancel();
    losing = clock.after(held.sinceMs + halfMs - clock.monotonicMs(), () =>
      lose('not renewed for half its TTL'),
    );
  };
  /** An append of ours is known to be stored. */
  const prove = (held: Holding, seq: number, startedMs: number | undefined): void => {
    // Whoever has asked for the epoch meanwhile was told that there is none.
    if (!isFresh(held)) return lose('not renewed for half its TTL');
    held.seq = Math.max(held.seq, seq);
    if (startedMs === undefined || startedMs <= held.sinceMs) return;
    held.sinceMs = startedMs;
    watchHalf(held);
  };
  const gain = (attempt: Attempt, seq: number): void => {
    const held = { epoch: seq, seq, sinceMs: attempt.startedMs };
    // Stored too late to be trusted: it is ours, and taken anew at once.
    if (ending.signal.aborted || !isFresh(held)) return;
    holding = held;
    watchHalf(held);
    log.info({ ...about, epoch: seq }, 'lease gained');
    told(() => o.onGained?.(seq));
  };
  const heard = (record: LeaseRecord): void => {
    if (record.name !== o.name) return;
    const held = holding;
    if (held !== undefined) {
      if (record.held?.id === id) prove(held, record.seq, appends.startedMs(record.held.serial));
      else if (record.seq === 0 || record.seq > held.seq) lose('somebody else has it');
    }
    wake();
  };

  const take = async (): Promise<void> => {
    const known = board.at(o.name);
    if (known.held !== undefined && known.held.id !== id) {
      await pause(o.ttlMs);
      return;
    }
    const attempt = appends.begin({ expect: known.seq, withinMs: Math.min(halfMs, takeMsMax) });
    const outcome = await attempt.outcome;
    if (outcome.kind === 'stored') gain(attempt, outcome.seq);
    else if (outcome.kind === 'conflict') await board.ask(o.name);
    else await pause(appends.backoffMs());
  };
  const renew = async (held: Holding): Promise<void> => {
    const dueMs = held.sinceMs + o.ttlMs / 4 - clock.monotonicMs();
    if (dueMs > 0) return pause(dueMs);
    const { epoch, seq: expect } = held;
    const withinMs = Math.min(Math.max(o.ttlMs / 8, renewMsMin), renewMsMax);
    const attempt = appends.begin({ epoch, expect, withinMs });
    const outcome = await attempt.outcome;
    if (holding !== held) return;
    if (outcome.kind === 'stored') prove(held, outcome.seq, attempt.startedMs);
    else if (outcome.kind === 'conflict') {
      const record = await board.ask(o.name);
      if (record.held?.id !== id) lose('somebody else has it');
      else await pause(appends.backoffMs());
    } else await pause(appends.backoffMs());
  };
  const campaign = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      const held = holding;
      await (held === undefined ? take() : renew(held)).catch(async (error: unknown) => {
        log.debug({ ...about, err: error }, 'the lease is tried again');
        await pause(appends.backoffMs());
      });
    }
  };

  const stopListening = board.listen({ heard });
  const campaigning = campaign();
  const release = async (): Promise<void> => {
    holding = undefined;
    losing?.cancel();
    ending.abort();
    wake();
    await campaigning;
    stopListening();
    await appends.giveUp();
  };
  let releasing: Promise<void> | undefined;
  return {
    epoch: () => (holding !== undefined && isFresh(holding) ? holding.epoch : undefined),
    release: () => {
      releasing ??= release();
      return releasing;
    },
  };
}
