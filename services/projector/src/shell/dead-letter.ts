/**
 * Reports of what could not be read, in WB_DEAD: which stream, which sequence, why, and a digest of the bytes. The bytes
 * themselves go along only sealed, because nobody knows what is in them.
 */
import { createHash } from 'node:crypto';
import type { Journal } from '@waybill/journal';
import { type KeyRing, type Logger, Outage, seal } from '@waybill/process';
import { type Draft, parseSubject, subjects } from '@waybill/protocol';
import { orgOf, type Poison } from '../domain/poison.ts';

export type DeadLetters = Readonly<{ report(poison: readonly Poison[]): Promise<void> }>;

export type DeadLetterOptions = Readonly<{
  journal: Pick<Journal, 'append'>;
  log: Logger;
  ring?: KeyRing | undefined;
}>;

/** A seal is nearly twice its content, and a report must fit wherever the message did. */
const sealedBytesMax = 256 * 1024;
const detailLengthMax = 500;
/** A batch that is tried again for longer than the server recognises an id reports once all the same. */
const rememberedMax = 10_000;

export function openDeadLetters({ journal, log, ring }: DeadLetterOptions): DeadLetters {
  const reported = new Set<string>();
  const reportOne = async (poison: Poison): Promise<void> => {
    const draft = await draftOf(poison, ring);
    const { id } = draft.meta;
    if (reported.has(id)) return;
    const appended = await journal.append(draft);
    if (appended.outcome === 'unknown')
      throw new Outage('dead-letter-unknown', `${id} has no answer`, { cause: appended.cause });
    const { stream, seq } = poison.message;
    const { code } = poison.problem;
    if (appended.outcome === 'stored')
      log.warn({ stream, seq, code }, 'a message could not be read and is reported');
    // Nothing would be gained by stopping: the message lies in the log and is counted.
    else
      log.error(
        { stream, seq, code, outcome: appended.outcome },
        'a message could not be read, nor be reported',
      );
    if (reported.size >= rememberedMax) reported.clear();
    reported.add(id);
  };
  return {
    report: async (poison) => {
      for (const each of poison) await reportOne(each);
    },
  };
}

async function draftOf({ message, problem }: Poison, ring: KeyRing | undefined): Promise<Draft> {
  const { stream, seq, subject, body } = message;
  const org = orgOf(subject);
  const parsed = parseSubject(subject);
  const runId = parsed?.family === 'run' || parsed?.family === 'run-to' ? parsed.runId : undefined;
  const sealed =
    ring === undefined || body.length > sealedBytesMax
      ? undefined
      : await seal(ring, Buffer.from(body).toString('base64'), {
          org,
          run: runId ?? '',
          field: 'dead',
        });
  const report = {
    stream,
    seq,
    subject,
    code: problem.code,
    detail: problem.detail.slice(0, detailLengthMax),
    sha256: createHash('sha256').update(body).digest('hex'),
    size: body.length,
    ...(sealed === undefined ? {} : { body: sealed }),
  };
  return {
    stream: 'WB_DEAD',
    subject: subjects.dead(org, stream.toLowerCase()),
    type: 'dead.reported',
    meta: { id: `dead:${stream}:${seq}`, source: '/waybill/projector', runId },
    body: JSON.stringify(report),
  };
}
