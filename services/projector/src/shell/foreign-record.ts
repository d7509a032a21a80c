/**
 * Records of another log, restored or replaced since. They are never dropped, and their sequences and hashes stand where the
 * records of this log would have to be, so that no projector could go on beside them.
 */
import type { Journal } from '@waybill/journal';
import { subjects } from '@waybill/protocol';
import type { Tx } from './row-writer.ts';

class ForeignRecords extends Error {
  override readonly name = 'ForeignRecords';
  readonly code = 'records-of-another-log';
  readonly exitCode = 78;
}

/** Looks at the last record alone: the log never loses anything before a place that it still has. */
export async function refuseForeignRecords(
  { db }: Tx,
  journal: Pick<Journal, 'get'>,
): Promise<void> {
  const last = await db
    .selectFrom('run_records')
    .select(['org', 'run_id', 'last_seq'])
    .orderBy('last_seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (last === undefined) return;
  const there = await journal.get('WB_RUNS', last.last_seq, { leader: true });
  if (there?.subject === subjects.run(last.org, last.run_id, 'run.completed')) return;
  throw new ForeignRecords(
    `there are records of another log: the run ${last.run_id} does not end at ${last.last_seq} of this one. Nothing was changed. ` +
      'Records stay for ever, so this log needs a database of its own',
  );
}
