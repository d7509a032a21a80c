/** Objects on the server's side, without URLs: written whole, and read with what was stored compared to what comes. */
import { createHash } from 'node:crypto';
import { Outage } from '@waybill/process';
import { aboutOf } from './commit.ts';
import type { ObjectEntry, ObjectName, Said } from './object.ts';
import {
  attempting,
  enter,
  leaveNote,
  type ObjectStorage,
  objectPathOf,
  standing,
} from './object-storage.ts';

/** What stands under the name afterwards: another's where one was first. */
export async function writeObject(
  storage: ObjectStorage,
  name: ObjectName,
  body: AsyncIterable<Uint8Array>,
  about: Pick<Said, 'mediaType' | 'labels'>,
): Promise<ObjectEntry> {
  const before = await standing(storage, name);
  if (before !== undefined) return before.entry;
  const { places, clock, limits, table } = storage;
  const key = places.keyOf(objectPathOf(name));
  const place = places.at(key);
  if (place === undefined) throw new Error('new bytes go to a storage that is not set up');
  const expiresAt = clock.now() + limits.commitMs;
  const note = await leaveNote(storage, name, { org: name.org, keys: [key], expiresAt });
  const written = await place.write(key, body);
  const now = clock.now();
  const entry: ObjectEntry = {
    org: name.org,
    kind: name.kind,
    scope: name.scope,
    name: name.name,
    key,
    ...written,
    createdAt: now,
    usedAt: now,
    ...aboutOf(about, storage),
  };
  if (await enter(storage, entry)) {
    await attempting(storage, 'a note of an object', table.delete(note.key, { expect: note.seq }));
    return entry;
  }
  const stands = await standing(storage, name);
  if (stands === undefined)
    throw new Outage('object-contended', 'an object came and went while another was written');
  return stands.entry;
}

export async function readObject(
  { places }: ObjectStorage,
  entry: ObjectEntry,
): Promise<AsyncIterable<Uint8Array>> {
  const body = await places.at(entry.key)?.read(entry.key);
  if (body === undefined) throw new Outage('object-gone', 'the bytes of an object are gone');
  return verified(body, entry);
}

async function* verified(
  body: AsyncIterable<Uint8Array>,
  { sha256 }: ObjectEntry,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  for await (const chunk of body) {
    hash.update(chunk);
    yield chunk;
  }
  if (hash.digest('hex') !== sha256)
    throw new Outage('object-damaged', 'the bytes of an object are not those that were stored');
}
