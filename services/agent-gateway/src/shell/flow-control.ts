/**
 * Backpressure of one socket: past a bound of facts that are not stored yet it is not read until half of them are. What is not
 * read waits in the agent, which loses nothing by it; frames are never dropped.
 */
import { limits } from '../domain/limits.ts';

export type FlowControl = Readonly<{
  /** Facts on their way to the log. */
  owe(stored: Promise<unknown>, bytes: number): void;
  /** Frames that wait for the registration. */
  holding(frames: number, bytes: number): void;
}>;

/** What all sockets of one gateway owe together. */
export type SharedDebt = { bytes: number };

export function openFlowControl(
  setPaused: (paused: boolean) => void,
  shared: SharedDebt = { bytes: 0 },
): FlowControl {
  const owed = { frames: 0, bytes: 0 };
  let held = { frames: 0, bytes: 0 };
  let isPaused = false;

  const review = (): void => {
    const share = isPaused ? 0.5 : 1;
    const owesTooMuch =
      owed.frames > limits.pendingFactsMax * share || owed.bytes > limits.pendingBytesMax * share;
    // Only who owes waits: what is stored brings the next look, so that nobody waits for ever.
    const allOweTooMuch = shared.bytes > limits.pendingBytesOfAllMax && owed.frames > 0;
    const holdsTooMuch = held.frames > limits.heldFramesMax || held.bytes > limits.heldBytesMax;
    const paused = owesTooMuch || allOweTooMuch || holdsTooMuch;
    if (paused !== isPaused) setPaused(paused);
    isPaused = paused;
  };
  const add = (frames: number, bytes: number): void => {
    owed.frames += frames;
    owed.bytes += bytes;
    shared.bytes += bytes;
    review();
  };
  return {
    owe: (stored, bytes) => {
      add(1, bytes);
      const paid = (): void => add(-1, -bytes);
      stored.then(paid, paid);
    },
    holding: (frames, bytes) => {
      held = { frames, bytes };
      review();
    },
  };
}
