/**
 * Every rule that keeps dispatch safe, each as one small function that says `true` for what may pass. The fold judges by the
 * first part, the dispatcher and the scheduler decide by the second, gateways and agents speak by the third. They are listed
 * in one place so that each can be taken away alone and be seen to be missed (`npm run sim -- --guards`).
 */
import { type Approval, type Clause, meets, type Voter } from './approval.ts';
import type { Attempt } from './attempt.ts';
import type { IdSet } from './id-set.ts';
import { hasId } from './id-set.ts';
import type { JobState } from './states.ts';
import { isHeldJob, isTerminalJob } from './states.ts';
import { subjects } from './subjects.ts';

// --- The fold: what an event may change.

/** An event is folded once, however often it was stored. */
export const isFirst = (seen: IdSet, id: string): boolean => !hasId(seen, id);

/** Terminal is final: nothing moves a job that has ended. */
export const isOpenJob = (state: JobState): boolean => !isTerminalJob(state);

/** Attempts of a job are 1..n without a gap. */
export const isNextAttempt = (attempt: number, made: number): boolean => attempt === made + 1;

/**
 * Fences strictly increase. One at or past its own offer would be passed by no later one: the job could never be offered again.
 */
export const isNextFence = (fence: number, last: number, offerSeq: number): boolean =>
  fence > last && fence < offerSeq;

/** Only words about the current attempt count. */
export const isOfAttempt = (said: number | undefined, current: Attempt): boolean =>
  said === current.attempt;

/** Only the session that holds the attempt has a say about it. */
export const isOfSession = (said: number | undefined, current: Attempt): boolean =>
  said === current.session;

/** An agent's word counts only while the job is in its hands: what went back to the queue is nobody's. */
export const isInHand = (state: JobState): boolean => isHeldJob(state);

/** A return moves an attempt to a later session of the same agent, and to no other. */
export const isLaterSession = (
  said: Readonly<{ agentId?: string | undefined; session?: number | undefined }>,
  current: Attempt,
): boolean =>
  said.agentId === current.agentId && said.session !== undefined && said.session > current.session;

/** A decision counts only where the job still is in a state that it was made for: facts may have come in between. */
export const isDecidedFor = (state: JobState, states: readonly JobState[]): boolean =>
  states.includes(state);

/** Stored times are rounded down to milliseconds: only a strictly later one is surely past the deadline. */
export const isPast = (at: number, deadline: number): boolean => at > deadline;

/** Where an agent may still be at work, nobody else begins: an offer before that moment is none. */
export const isFree = (at: number, workedUntil: number): boolean => at > workedUntil;

/** What a decider read of another stream is old soon: one that was frozen since then must look again. */
export const isFresh = (at: number, readAt: number): boolean => at - readAt <= 10_000;

/** A run ends as its jobs did, and not before all of them have. */
export const isOutcome = (claimed: string, rolledUp: string | undefined): boolean =>
  claimed === rolledUp;

/** A vote is of somebody who was asked: who meets a clause, or anybody where there is none. */
export const isEntitled = (voter: Voter, clauses: readonly Clause[]): boolean =>
  clauses.length === 0 || clauses.some((clause) => meets(voter, clause));

/** An approval ends once: what comes behind its end changes nothing. */
export const isUnsettled = (outcome: Approval['outcome']): boolean => outcome === null;

/** An approval ends as the votes say, and expires only where they say nothing yet. */
export const isTallied = (claimed: string, tally: string | undefined): boolean =>
  claimed === (tally ?? 'expired');

// --- The deciders: what may be appended.

export type Expectation = Readonly<{ filter: string; lastSeq: number }>;

/** Compare-and-set: a decision is stored only where no other decision of its run lies behind what was folded. */
export const expectationOf = (org: string, runId: string, foldedSeq: number): Expectation => ({
  filter: subjects.runFilter(org, runId),
  lastSeq: foldedSeq,
});

/** A process decides for a partition only while it surely holds the lease of it. Saves work: two deciders break nothing. */
export const holdsLease = (epoch: number | undefined): epoch is number => epoch !== undefined;

/** One decision of a run at a time is on its way. */
export const isUndecided = (onTheWay: boolean): boolean => !onTheWay;

/** A session that let an offer expire, drains, or said busy gets nothing before it registers or has room again. */
export const isInvited = (
  member: Readonly<{ isClosed: boolean; isDraining: boolean; isFull: boolean }>,
): boolean => !member.isClosed && !member.isDraining && !member.isFull;

/** No more jobs than the agent says it takes. */
export const hasSlot = (load: number, capacity: number): boolean => load < capacity;

/** Words of agents may wait where nobody could store them: nothing is given up before they had time to be heard. */
export const isHeardOut = (now: number, heardFrom: number): boolean => now > heardFrom;

// --- Gateways and agents: what may be said.

/** An offer is written only while it stands: to the session that it names, unanswered, with its own fence. */
export const isStanding = (
  offer: Readonly<{ fence: number; session: number; agentId: string }>,
  state: JobState,
  current: Attempt,
): boolean =>
  state === 'offered' &&
  offer.fence === current.fence &&
  offer.session === current.session &&
  offer.agentId === current.agentId;

/** An offer is written to a socket once: agents do not recognise a repeat. */
export const isUnsent = (sent: ReadonlySet<string>, offerId: string): boolean => !sent.has(offerId);

/** Who registered last holds the agent's place; an older socket touches nothing any more. */
export const isNewestSession = (session: number, newest: number | undefined): boolean =>
  newest === undefined || session >= newest;

/** Frames about a job come from the agent that it was offered to, in its own org. */
export const isHolder = (
  who: Readonly<{ org: string; agentId: string }>,
  offered: Readonly<{ org: string; agentId: string }>,
): boolean => who.org === offered.org && who.agentId === offered.agentId;

/** An agent of our SDK starts only what it was granted, under the fence that it was offered. */
export const isGranted = (granted: number | undefined, fence: number | undefined): boolean =>
  granted !== undefined && granted === fence;

/** An agent of our SDK works only within its lease: from then on the job may be another agent's. */
export const isLeased = (elapsedMs: number, leaseMs: number): boolean => elapsedMs < leaseMs;
