/**
 * How far a stream is folded, in the same transaction as the rows that follow from it. Whoever writes holds the row's lock,
 * so that a second projector waits, finds the batch done, and drops it.
 */
import type { Position } from '@waybill/journal';
import type { StreamName } from '@waybill/protocol';
import { sql } from 'kysely';
import type { Tx } from './row-writer.ts';

/** Seq 0 before the first event; then `id` is empty. */
export async function lockCheckpoint(
  { db }: Tx,
  stream: StreamName,
  identity: string,
): Promise<Position> {
  const found = await locked(db, stream);
  if (found !== undefined) return found;
  await db
    .insertInto('checkpoints')
    .values({ stream, identity, seq: 0, event_id: '' })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  return (await locked(db, stream)) ?? { identity, seq: 0, id: '' };
}

async function locked(db: Tx['db'], stream: StreamName): Promise<Position | undefined> {
  const row = await db
    .selectFrom('checkpoints')
    .selectAll()
    .where('stream', '=', stream)
    .forUpdate()
    .executeTakeFirst();
  return row === undefined ? undefined : { identity: row.identity, seq: row.seq, id: row.event_id };
}

export async function advanceCheckpoint(
  { db }: Tx,
  stream: StreamName,
  to: Position,
): Promise<void> {
  await db
    .updateTable('checkpoints')
    .set({
      identity: to.identity,
      seq: to.seq,
      event_id: sql`${to.id.replaceAll('\u0000', '\ufffd')}`,
    })
    .where('stream', '=', stream)
    .execute();
}
