/**
 * What is known of one session of an agent: whether it is open for offers, and how much room it has shown itself. Runs and agents
 * speak in two streams without an order between them: where both have said something, their server times decide. Agents report their
 * room right behind a `busy`, so of two words of the same millisecond the report counts.
 */
import { isInvited } from '@waybill/protocol';

export type Session = {
  /** The sequence of its `registered` event. */
  readonly seq: number;
  /** It let an offer expire: nothing before it registers again. */
  isClosed: boolean;
  /** It said so in a reject: nothing before it registers again. */
  isDraining: boolean;
  /** Server time of the `busy` since which it has shown no room; null for none. */
  fullSince: number | null;
  /** Server time of its last report of room. */
  roomAt: number;
  /** How many more jobs it has itself shown room for since its last `busy`; a `busy` within them costs a budget. */
  shown: number;
};

export const newSession = (seq: number): Session => ({
  seq,
  isClosed: false,
  isDraining: false,
  fullSince: null,
  roomAt: 0,
  shown: 0,
});

/** An agent that said busy and then nothing at all is asked again after this long. */
const ASK_AGAIN_MS = 300_000;

export const asksAgainAt = ({ fullSince }: Session): number =>
  fullSince === null ? Number.POSITIVE_INFINITY : fullSince + ASK_AGAIN_MS;

/** `isDrained`: a person took the agent out of use. */
export const isWilling = (session: Session, isDrained: boolean): boolean =>
  isInvited({
    isClosed: session.isClosed,
    isDraining: session.isDraining || isDrained,
    isFull: session.fullSince !== null,
  });

export function saidBusy(session: Session, at: number): void {
  if (session.roomAt >= at) return;
  session.fullSince = at;
  session.shown = 0;
}

/** A report of the agent: it could take `room` more jobs. */
export function saidRoom(session: Session, room: number, at: number): void {
  if (at < (session.fullSince ?? 0) || at < session.roomAt) return;
  session.shown = Math.max(0, room);
  if (room <= 0) return;
  session.roomAt = at;
  session.fullSince = null;
}

/** It ended a job of ours, behind whatever it said before in the same stream. */
export function endedJob(session: Session, capacity: number): void {
  session.fullSince = null;
  session.shown = Math.min(capacity, session.shown + 1);
}
