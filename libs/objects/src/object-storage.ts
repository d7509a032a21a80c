/** What all work on objects shares: the table and what is known of it, where bytes lie, and the bounds. */
import { randomBytes } from 'node:crypto';
import type { Table } from '@waybill/journal';
import type { Clock, Logger } from '@waybill/process';
import { foreignToken } from '@waybill/protocol';
import type { BytePlace } from './byte-store.ts';
import type { ObjectLimits } from './limits.ts';
import type { ObjectEntry, ObjectName, Owner } from './object.ts';
import type { ObjectIndex } from './object-index.ts';
import {
  type EntryRow,
  entryKey,
  type Note,
  notePrefix,
  readEntry,
  rowText,
} from './object-row.ts';
import type { Stores } from './stores.ts';

export type ObjectStorage = Readonly<{
  /** `KV_WB_OBJECTS`. */
  table: Table;
  index: ObjectIndex;
  places: Stores<BytePlace>;
  limits: ObjectLimits;
  clock: Clock;
  log: Logger;
}>;

export const nonce = (): string => randomBytes(16).toString('base64url');

/** Where an attempt uploads to: no other attempt's URL names it. */
export function uploadPath(org: string, owner: Owner | null): string {
  if (owner === null) return `uploads/${org}/-/${nonce()}`;
  const { runId, jobId, attempt, fence } = owner;
  return `uploads/${org}/${foreignToken(runId)}/${foreignToken(jobId)}/${attempt}/${fence}/${nonce()}`;
}
export const objectPathOf = ({ org, kind }: ObjectName): string =>
  `objects/${org}/${kind}/${nonce()}`;

export type Row = EntryRow & Readonly<{ seq: number }>;

/** The truth, from the leader. */
export async function standing(storage: ObjectStorage, name: ObjectName): Promise<Row | undefined> {
  const found = await storage.table.get(entryKey(name));
  const row = found === undefined ? undefined : readEntry(found.value);
  return found === undefined || row === undefined ? undefined : { ...row, seq: found.seq };
}

/** False where another one stands already: the first wins. */
export const enter = async (storage: ObjectStorage, entry: ObjectEntry): Promise<boolean> =>
  (await storage.table.create(entryKey(entry), rowText({ entry }))) !== undefined;

/** Its key and sequence. From then on the bytes cannot be forgotten. */
export async function leaveNote(
  storage: ObjectStorage,
  name: ObjectName,
  note: Note,
): Promise<Readonly<{ key: string; seq: number }>> {
  const key = notePrefix(name) + nonce();
  const seq = await storage.table.create(key, rowText(note));
  if (seq === undefined) throw new Error('two notes of objects have the same random key');
  return { key, seq };
}

/** What cannot be done now is done by a later sweep. */
export async function attempting(storage: ObjectStorage, doing: string, work: Promise<unknown>) {
  await work.catch((error: unknown) =>
    storage.log.warn({ err: error }, `${doing} is left to a sweep`),
  );
}
