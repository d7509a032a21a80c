/**
 * Backpressure of one socket: past a bound of facts that are not stored yet it is not read until half of them are, and past a rate
 * until it is paid for. What is not read waits in the agent, which loses nothing by it; frames are never dropped.
 */
import type { Clock, Timer } from '@waybill/process';
import { limits } from '../domain/limits.ts';
import { type Bucket, fullBucket, isFull, msUntilPaid, take } from '../domain/token-bucket.ts';

/** What all sockets of one gateway owe together. */
export type SharedDebt = { bytes: number };

type Reader = Readonly<{
  setPaused(paused: boolean): void;
  /** It is over its rate, told at most once in a while. */
  slowed(retryAfterMs: number): void;
}>;

const nothing = { frames: 0, bytes: 0 } as const;

export class FlowControl {
  readonly #reader: Reader;
  readonly #clock: Clock;
  readonly #shared: SharedDebt;
  readonly #owed = { frames: 0, bytes: 0 };
  #held: Readonly<{ frames: number; bytes: number }> = nothing;
  #messages: Bucket;
  #bytes: Bucket;
  #paused = false;
  /** Runs until the rate is paid for. */
  #wait: Timer | undefined = undefined;
  #slowedMs = Number.NEGATIVE_INFINITY;

  constructor(reader: Reader, clock: Clock, shared: SharedDebt = { bytes: 0 }) {
    this.#reader = reader;
    this.#clock = clock;
    this.#shared = shared;
    this.#messages = fullBucket(clock.monotonicMs());
    this.#bytes = this.#messages;
  }

  /** A frame has come; `cost` in messages. */
  came(bytes: number, cost: number): void {
    const nowMs = this.#clock.monotonicMs();
    this.#messages = take(this.#messages, limits.messageRate, cost, nowMs);
    this.#bytes = take(this.#bytes, limits.byteRate, bytes, nowMs);
    const waitMs = Math.max(
      msUntilPaid(this.#messages, limits.messageRate, nowMs),
      msUntilPaid(this.#bytes, limits.byteRate, nowMs),
    );
    if (waitMs === 0) return;
    this.#wait?.cancel();
    this.#wait = this.#clock.after(waitMs, this.#paid, { background: true });
    this.#review();
    if (nowMs - this.#slowedMs < limits.slowedAgainMs) return;
    this.#slowedMs = nowMs;
    this.#reader.slowed(waitMs);
  }

  /** Facts on their way to the log. */
  owe(stored: Promise<unknown>, bytes: number): void {
    this.#add(1, bytes);
    const paid = (): void => this.#add(-1, -bytes);
    stored.then(paid, paid);
  }

  /** Frames that wait for the registration. */
  holding(frames: number, bytes: number): void {
    this.#held = frames === 0 ? nothing : { frames, bytes };
    this.#review();
  }

  /** Nothing of it would be missed: a new one would do the same. */
  isIdle(): boolean {
    const nowMs = this.#clock.monotonicMs();
    return (
      this.#owed.frames === 0 &&
      this.#held === nothing &&
      this.#wait === undefined &&
      isFull(this.#messages, limits.messageRate, nowMs) &&
      isFull(this.#bytes, limits.byteRate, nowMs)
    );
  }

  stop(): void {
    this.#wait?.cancel();
  }

  readonly #paid = (): void => {
    this.#wait = undefined;
    this.#review();
  };

  #add(frames: number, bytes: number): void {
    this.#owed.frames += frames;
    this.#owed.bytes += bytes;
    this.#shared.bytes += bytes;
    this.#review();
  }

  #review(): void {
    const share = this.#paused ? 0.5 : 1;
    const { frames, bytes } = this.#owed;
    const owesTooMuch =
      frames > limits.pendingFactsMax * share || bytes > limits.pendingBytesMax * share;
    // Only who owes waits: what is stored brings the next look, so that nobody waits for ever.
    const allOweTooMuch = this.#shared.bytes > limits.pendingBytesOfAllMax && frames > 0;
    const holdsTooMuch =
      this.#held.frames > limits.heldFramesMax || this.#held.bytes > limits.heldBytesMax;
    const paused = owesTooMuch || allOweTooMuch || holdsTooMuch || this.#wait !== undefined;
    if (paused !== this.#paused) this.#reader.setPaused(paused);
    this.#paused = paused;
  }
}
