/**
 * The log of a run, wherever it lies: in WB_LOGS for as long as that has all of it, else in its archive. Nobody who reads it can
 * tell which of the two it came from.
 */
import { logArchiveName, type ObjectEntry, type Objects } from '@waybill/objects';
import { type LogView, logView, subjects } from '@waybill/protocol';
import type { ApiContext } from './api-context.ts';
import { archivePage } from './archive-reading.ts';

type LogReader = Pick<ApiContext, 'journal' | 'clock' | 'org'> &
  Readonly<{ objects: Pick<Objects, 'find' | 'read'> }>;

/** Of the chunks behind a sequence, the first so many; fewer where there are no more. */
export async function logPage(
  api: LogReader,
  runId: string,
  max: number,
  afterSeq: number,
): Promise<readonly LogView[]> {
  const archive = await archiveOf(api, runId);
  const isArchived = archive !== undefined && lastSeqOf(archive) > afterSeq;
  const found = isArchived ? await archivePage(api, archive, max, afterSeq) : [];
  if (found.length === max) return found;
  const readUpTo = isArchived ? lastSeqOf(archive) : afterSeq;
  const messages = await api.journal.page({
    stream: 'WB_LOGS',
    filter: subjects.logsOf(api.org, runId),
    fromSeq: readUpTo + 1,
    max: max - found.length,
  });
  return [...found, ...messages.flatMap((message) => logView(message) ?? [])];
}

/** Undefined while the stream still has the whole log: it forgets its oldest messages first. */
export async function archiveOf(
  { journal, objects, org }: Omit<LogReader, 'clock'>,
  runId: string,
): Promise<ObjectEntry | undefined> {
  const archive = await objects.find(logArchiveName(org, runId));
  if (archive === undefined) return undefined;
  const firstSeq = Number(archive.labels?.['firstSeq']);
  const first = await journal.get('WB_LOGS', firstSeq, { leader: true });
  return first === undefined ? archive : undefined;
}

export const lastSeqOf = ({ labels }: ObjectEntry): number => Number(labels?.['lastSeq'] ?? 0);
