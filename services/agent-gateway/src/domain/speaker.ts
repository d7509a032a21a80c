/**
 * Who may speak about a job: settled before anything is appended, by the session and never by what a frame says of itself.
 * A frame without a stored offer to its agent is a violation and touches no run.
 */
import { isHolder, parseWireJobId } from '@waybill/protocol';
import type { Custody, CustodyBook } from './custody.ts';

export type Identity = Readonly<{
  org: string;
  agentId: string;
  session: number;
  /** A scaler made the agent: once its socket is lost it does not come back. */
  scalerManaged: boolean;
}>;

export type Standing =
  /** The attempt is this session's, as far as this gateway knows. */
  | Readonly<{ kind: 'current'; custody: Custody }>
  /** Its own attempt, already ended by its own word. */
  | Readonly<{ kind: 'ended'; custody: Custody }>
  /** Its own attempt, overtaken: stored, where the fold finds it void, and the agent is told to stop. */
  | Readonly<{ kind: 'stale'; custody: Custody }>
  /** Not its own, or nobody's. */
  | Readonly<{ kind: 'foreign'; detail: string }>;

type Who = Readonly<{ org: string; agentId: string; session: number }>;
type Spoken = Readonly<{ jobId: string; runId?: string | undefined }>;

export function standingOf(book: CustodyBook, who: Who, spoken: Spoken): Standing {
  const wire = parseWireJobId(spoken.jobId);
  if (wire === undefined) return foreign('jobId is none that was ever offered');
  if (spoken.runId !== undefined && spoken.runId !== wire.runId)
    return foreign('runId is not the run of that jobId');
  const custody = book.find(wire);
  if (custody === undefined) return foreign('jobId is none that was ever offered');
  // The same words as for an unknown job: an id of somebody else's must look like a random one.
  if (!isHolder(who, custody)) return foreign('jobId is none that was ever offered');
  if (custody.phase === 'ended') return { kind: 'ended', custody };
  const isCurrent =
    custody.phase === 'open' && custody.session === who.session && book.isLatest(custody);
  return { kind: isCurrent ? 'current' : 'stale', custody };
}

/** Whether the job that is named is one of the run that is named with it. */
export const isOfItsRun = ({ runId, jobId }: Readonly<{ runId: string; jobId: string }>): boolean =>
  parseWireJobId(jobId)?.runId === runId;

const foreign = (detail: string): Standing => ({ kind: 'foreign', detail });
