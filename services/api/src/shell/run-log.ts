/**
 * The log of a run, wherever it lies: in WB_LOGS for as long as that has all of it, else in its archive. Nobody who reads it can
 * tell which of the two it came from.
 */
import { logArchiveName, type ObjectEntry, unarchived } from '@waybill/objects';
import { type LogView, logView, subjects } from '@waybill/protocol';
import type { ApiContext } from './api-context.ts';

/** Of the chunks behind a sequence, the first so many; fewer where there are no more. */
export async function logPage(
  api: ApiContext,
  runId: string,
  max: number,
  afterSeq: number,
): Promise<readonly LogView[]> {
  const found: LogView[] = [];
  let readUpTo = afterSeq;
  const archive = await archiveOf(api, runId);
  if (archive !== undefined && lastSeqOf(archive) > afterSeq) {
    for await (const view of unarchived(await api.objects.read(archive))) {
      if (view.seq <= afterSeq) continue;
      found.push(view);
      if (found.length === max) return found;
    }
    readUpTo = lastSeqOf(archive);
  }
  const messages = await api.journal.page({
    stream: 'WB_LOGS',
    filter: subjects.logsOf(api.org, runId),
    fromSeq: readUpTo + 1,
    max: max - found.length,
  });
  return [...found, ...messages.flatMap((message) => logView(message) ?? [])];
}

/** Undefined while the stream still has the whole log: it forgets its oldest messages first. */
export async function archiveOf(api: ApiContext, runId: string): Promise<ObjectEntry | undefined> {
  const { journal, objects, org } = api;
  const archive = await objects.find(logArchiveName(org, runId));
  if (archive === undefined) return undefined;
  const firstSeq = Number(archive.labels?.['firstSeq']);
  const first = await journal.get('WB_LOGS', firstSeq, { leader: true });
  return first === undefined ? archive : undefined;
}

export const lastSeqOf = ({ labels }: ObjectEntry): number => Number(labels?.['lastSeq'] ?? 0);
