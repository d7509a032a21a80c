/**
 * One batch of one stream in one transaction: rows, records and checkpoint together or not at all (invariant 6). What is at or
 * below the checkpoint is a redelivery and dropped; what another projector did meanwhile is seen by the lock.
 */
import { type Position, positionOf } from '@waybill/journal';
import { milestone } from '@waybill/process';
import type { StoredMessage } from '@waybill/protocol';
import type { ReadModel } from '@waybill/readmodel';
import { advanceCheckpoint, lockCheckpoint } from './checkpoint.ts';
import type { DeadLetters } from './dead-letter.ts';
import type { Projected, Projection } from './projection.ts';
import { RecordMismatch } from './record-writer.ts';
import type { Tx } from './row-writer.ts';

export class CheckpointMoved extends Error {
  override readonly name = 'CheckpointMoved';
  readonly code = 'checkpoint-moved';
}

export type BatchTarget = Readonly<{
  model: Pick<ReadModel, 'db' | 'schema'>;
  projection: Projection;
  /** Of the stream, as the log has it now. */
  identity: string;
}>;

/** Live: `readUpTo` is the sequence that was handled before this batch. */
export async function applyBatch(
  target: BatchTarget & Readonly<{ deadLetters: DeadLetters }>,
  messages: readonly StoredMessage[],
  readUpTo: number,
): Promise<void> {
  const { model, projection } = target;
  const projected = await model.db.transaction().execute(async (db) => {
    const tx: Tx = { db, schema: model.schema };
    const checkpoint = await lockCheckpoint(tx, projection.stream, target.identity);
    if (checkpoint.seq < readUpTo) throw moved(target, checkpoint, readUpTo);
    const done = await applyWithin(tx, target, messages, checkpoint.seq);
    const [mismatch] = done?.records.mismatched ?? [];
    if (mismatch !== undefined) throw new RecordMismatch(mismatch);
    // Before the commit: a report that is made twice has one id, one that is forgotten is lost.
    await target.deadLetters.report(done?.poison ?? []);
    milestone('rows.written', checkpoint);
    return done;
  });
  milestone('rows.committed');
  projected?.keep();
}

/** Inside the caller's transaction, which holds the lock. Undefined when all of it was there already. */
export async function applyWithin(
  tx: Tx,
  { projection, identity }: BatchTarget,
  messages: readonly StoredMessage[],
  checkpointSeq: number,
): Promise<Projected | undefined> {
  const fresh = messages.filter((message) => message.seq > checkpointSeq);
  const last = fresh.at(-1);
  if (last === undefined) return undefined;
  const projected = await projection.project(tx, fresh, checkpointSeq);
  await advanceCheckpoint(tx, projection.stream, positionOf(identity, last));
  return projected;
}

const moved = (
  { projection, model }: BatchTarget,
  checkpoint: Position,
  readUpTo: number,
): CheckpointMoved =>
  new CheckpointMoved(
    `the checkpoint of ${projection.stream} in the schema ${model.schema} went back from ${readUpTo} to ${checkpoint.seq}: ` +
      'the database was restored or emptied while the projector ran',
  );
