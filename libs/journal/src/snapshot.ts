/**
 * Snapshots of folds: the newest whole one under each name. One that was cut, damaged or folded by other rules is as if there
 * were none; the log has everything.
 */
import { JetStreamApiError } from '@nats-io/jetstream';
import { Outage } from '@waybill/process';
import { type StreamName, streamNames } from '@waybill/protocol';
import { asking, isWrongSequence } from './answer.ts';
import type { Connection } from './connection.ts';
import { cuttable } from './cuttable.ts';
import type { Lookup } from './lookup.ts';
import {
  chunksOf,
  type Description,
  describe,
  membersOf,
  openStore,
  parsed,
  sweep,
} from './object-bucket.ts';
import type { Position } from './position.ts';
import { packed, unpacked } from './snapshot-parts.ts';

export type Positions = Readonly<Partial<Record<StreamName, Position>>>;

export type Snapshot = Readonly<{
  /** Where in each stream the fold stood. */
  positions: Positions;
  foldVersion: number;
  /** As they were saved, to be read once. */
  parts: AsyncIterable<Uint8Array>;
}>;

export type SnapshotDraft = Readonly<{
  positions: Positions;
  foldVersion: number;
  parts: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}>;

const bucket = 'OBJ_WB_SNAPSHOTS';
/** Half of the least `max_payload` that a server comes with. */
const chunkBytesMax = 512 * 1024;
const nameForm = /^[A-Za-z0-9_.-]{1,128}$/;

/** Resolves when it is stored as a whole, or another process has stored one under the name meanwhile. */
export async function saveSnapshot(
  connection: Connection,
  lookup: Lookup,
  name: string,
  draft: SnapshotDraft,
): Promise<void> {
  if (!nameForm.test(name))
    throw new TypeError(`not the name of a snapshot: ${JSON.stringify(name)}`);
  const { positions, foldVersion } = draft;
  const chunkBytes = Math.min(chunkBytesMax, Math.floor(connection.maxPayload() / 2));
  const metadata = { positions: JSON.stringify(positions), foldVersion: String(foldVersion) };
  const meta = { name, options: { max_chunk_size: chunkBytes }, metadata };
  const previous = await describe(lookup, bucket, name);
  const store = await openStore(connection, bucket);
  const source = cuttable(packed(draft.parts, chunkBytes));
  try {
    const options = { previousRevision: previous.seq };
    await asking(connection, `the snapshot ${name}`, () => store.put(meta, source.stream, options));
  } catch (error) {
    source.cut(error);
    if (source.failure !== undefined) throw source.failure;
    if (isWrongSequence(error)) {
      connection.log.info({ snapshot: name }, 'another process has saved this snapshot meanwhile');
      return;
    }
    if (!(error instanceof JetStreamApiError)) throw error;
    throw new Outage('snapshot-refused', `NATS does not take the snapshot ${name}`, {
      cause: error,
    });
  }
  await sweep(connection, lookup, bucket).catch((error: unknown) =>
    connection.log.debug({ err: error }, 'abandoned snapshots are swept another time'),
  );
}

/** One that is replaced while it is read is read again. */
const loadsMax = 3;
/** Between so many parts, others of the process get a turn. */
const restEveryChunks = 4;

export async function loadSnapshot(
  connection: Connection,
  lookup: Lookup,
  name: string,
  foldVersion: number,
): Promise<Snapshot | undefined> {
  const { clock, log } = connection;
  const passedOver = (why: string): undefined => {
    log.warn({ snapshot: name, why }, 'a snapshot is passed over, the log is folded instead');
  };
  let readSeq = 0;
  for (let load = 1; load <= loadsMax; load++) {
    const { seq, description } = await describe(lookup, bucket, name);
    if (seq === 0) return undefined;
    if (description === undefined) return passedOver('its description cannot be read');
    if (seq === readSeq) break;
    readSeq = seq;
    const found = Number(description.metadata.get('foldVersion'));
    if (found !== foldVersion)
      return passedOver(`it was folded by version ${found}, not by ${foldVersion}`);
    const positions = positionsOf(description);
    if (positions === undefined) return passedOver('its positions cannot be read');
    const chunks = await chunksOf(lookup, bucket, description);
    if (chunks === undefined) continue;
    let taken = 0;
    const rest = async (): Promise<void> => {
      taken += 1;
      if (taken % restEveryChunks === 0) await clock.sleep(0);
    };
    return { positions, foldVersion, parts: unpacked(chunks, rest) };
  }
  return passedOver('it is damaged: size or digest are not as described');
}

function positionsOf({ metadata }: Description): Positions | undefined {
  const text = metadata.get('positions');
  const read = typeof text === 'string' ? parsed(text) : undefined;
  if (typeof read !== 'object' || read === null) return undefined;
  const positions: Partial<Record<StreamName, Position>> = {};
  for (const stream of streamNames) {
    const position = membersOf(membersOf(read).get(stream));
    if (position.size === 0) continue;
    const identity = position.get('identity');
    const id = position.get('id');
    const seq = position.get('seq');
    if (typeof identity !== 'string' || typeof id !== 'string' || typeof seq !== 'number')
      return undefined;
    positions[stream] = { identity, seq, id };
  }
  return positions;
}
