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
  const readUpTo = isArchived ? lastSeqOf(archive) : afterSeq;
  return [...found, ...(await streamed(api, runId, max - found.length, readUpTo))];
}

/** A message that is no chunk takes no place on a page: a short one would say that the log ends there. */
async function streamed(
  { journal, org }: LogReader,
  runId: string,
  max: number,
  afterSeq: number,
): Promise<readonly LogView[]> {
  const found: LogView[] = [];
  const filter = subjects.logsOf(org, runId);
  let fromSeq = afterSeq + 1;
  while (found.length < max) {
    const wanted = max - found.length;
    const messages = await journal.page({ stream: 'WB_LOGS', filter, fromSeq, max: wanted });
    found.push(...messages.flatMap((message) => logView(message) ?? []));
    const last = messages.at(-1);
    if (last === undefined || messages.length < wanted) break;
    fromSeq = last.seq + 1;
  }
  return found;
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
