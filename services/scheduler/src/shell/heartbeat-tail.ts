/**
 * Follows the headers of all heartbeats from here on, so that a job which is heard of costs nothing more. What came before is read
 * from the leader where it matters: right before a job is called stale.
 */
import type { Journal, Position, Reader } from '@waybill/journal';
import { positionOf, refuseNewer } from '@waybill/journal';
import type { Logger } from '@waybill/process';
import type { StoredMessage } from '@waybill/protocol';
import { allSubjects, isUnreadable, metaOf, parseSubject, subjects } from '@waybill/protocol';
import type { Heartbeat } from '../domain/decision.ts';
import type { Place } from '../domain/job-register.ts';

const STREAM = 'WB_HEARTBEATS';

export type HeartbeatTailOptions = Readonly<{
  journal: Pick<Journal, 'read' | 'info' | 'get'>;
  log: Logger;
  onHeartbeat: (org: string, jobId: string, attempt: number | undefined, at: number) => void;
  onFailure: (error: Error) => void;
}>;

export async function openHeartbeatTail(o: HeartbeatTailOptions): Promise<Reader> {
  return o.journal.read({
    stream: STREAM,
    filters: [allSubjects.heartbeats],
    from: await endOf(o.journal),
    headersOnly: true,
    onMessage: (message) => {
      const attempt = attemptOf(message, o.log);
      const parsed = parseSubject(message.subject);
      if (attempt !== undefined && parsed?.family === 'heartbeat')
        o.onHeartbeat(parsed.org, parsed.jobId, attempt, message.at);
    },
    onFailure: o.onFailure,
  });
}

/** Undefined for the beginning: there is nothing, or nothing any more. */
async function endOf(journal: HeartbeatTailOptions['journal']): Promise<Position | undefined> {
  const { identity, lastSeq } = await journal.info(STREAM);
  const last = lastSeq === 0 ? undefined : await journal.get(STREAM, lastSeq, { leader: true });
  return last && positionOf(identity, last);
}

/** The last heartbeat of this very attempt, read from the leader: one of an earlier attempt says nothing. */
export async function lastHeartbeat(
  { journal, log }: Readonly<{ journal: Pick<Journal, 'last'>; log: Logger }>,
  { org, runId, jobId, attempt }: Place & Readonly<{ attempt: number | undefined }>,
): Promise<Heartbeat | null> {
  const subject = subjects.heartbeat(org, runId, jobId);
  const message = await journal.last(STREAM, subject, { leader: true });
  if (message === undefined || attemptOf(message, log) !== attempt) return null;
  return { seq: message.seq, at: message.at };
}

function attemptOf(message: StoredMessage, log: Logger): number | undefined {
  const meta = metaOf(message);
  if (!isUnreadable(meta)) return meta.attempt;
  refuseNewer(message, meta, log);
  return undefined;
}
