/**
 * A bucket of objects as it lies on the server, laid out as NATS's own object store: a description under the name, and chunks
 * under an id of their own, so that a save that was cut leaves the one before as it was.
 */
import { createHash } from 'node:crypto';
import { jetstream } from '@nats-io/jetstream';
import { type ObjectStore, Objm, setSha256Backend } from '@nats-io/obj';
import { asking } from './answer.ts';
import type { ObjectBucketName } from './bucket.ts';
import type { Connection } from './connection.ts';
import { instantOf } from './instant.ts';
import type { Lookup } from './lookup.ts';
import { timestampOf } from './stream-info.ts';

const bucketOf = (stream: ObjectBucketName): string => stream.slice('OBJ_'.length);
const chunkPrefixOf = (stream: ObjectBucketName): string => `$O.${bucketOf(stream)}.C.`;
const descriptionsOf = (stream: ObjectBucketName): string => `$O.${bucketOf(stream)}.M.`;
export const chunkSubject = (stream: ObjectBucketName, id: string): string =>
  chunkPrefixOf(stream) + id;
/** The library writes the name as padded base64. */
export const descriptionSubject = (stream: ObjectBucketName, name: string): string =>
  descriptionsOf(stream) + Buffer.from(name).toString('base64url') + padding(name);
const padding = (name: string): string => '='.repeat((3 - (Buffer.byteLength(name) % 3)) % 3);

const timeoutMs = 10_000;
const loadDeadlineMs = 60_000;
/** Between two chunks of one save lies less. */
const abandonedMs = 600_000;

export type Description = Readonly<{
  id: string;
  bytes: number;
  chunks: number;
  digest: string;
  metadata: ReadonlyMap<string, unknown>;
}>;

export function openStore(connection: Connection, stream: ObjectBucketName): Promise<ObjectStore> {
  // Its own, in JavaScript, would hold up everything else in the process.
  setSha256Backend('native');
  const client = jetstream(connection.nc, { checkAPI: false, timeout: timeoutMs });
  return new Objm(client).open(bucketOf(stream), false);
}

/** The newest one that was saved as a whole; 0 when nothing was ever written under the name. */
export async function describe(
  lookup: Lookup,
  stream: ObjectBucketName,
  name: string,
): Promise<Readonly<{ seq: number; description: Description | undefined }>> {
  const subject = descriptionSubject(stream, name);
  const found = await lookup.last(stream, subject, { leader: true });
  const description = found === undefined ? undefined : descriptionOf(found.body);
  return { seq: found?.seq ?? 0, description };
}

function descriptionOf(body: Uint8Array): Description | undefined {
  const read = membersOf(parsed(new TextDecoder().decode(body)));
  const id = read.get('nuid');
  if (typeof id !== 'string' || read.get('deleted') === true) return undefined;
  return {
    id,
    bytes: Number(read.get('size')),
    chunks: Number(read.get('chunks')),
    digest: String(read.get('digest')),
    metadata: membersOf(read.get('metadata')),
  };
}

/** Undefined for what is no JSON. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** None for what is no object. */
export const membersOf = (value: unknown): ReadonlyMap<string, unknown> =>
  new Map(typeof value === 'object' && value !== null ? Object.entries(value) : []);

/** Undefined when they are not what was described. */
export async function chunksOf(
  lookup: Lookup,
  stream: ObjectBucketName,
  wanted: Description,
): Promise<Uint8Array[] | undefined> {
  const options = { leader: true, deadlineMs: loadDeadlineMs };
  const found = await lookup.load(stream, chunkSubject(stream, wanted.id), options);
  const hash = createHash('sha256');
  let bytes = 0;
  for (const { body } of found) {
    hash.update(body);
    bytes += body.length;
  }
  // Padded or not, as a library writes it.
  const digest = `SHA-256=${hash.digest('base64url')}`;
  const isWhole =
    found.length === wanted.chunks &&
    bytes === wanted.bytes &&
    digest === wanted.digest.replace(/=+$/, '');
  return isWhole ? found.map(({ body }) => body) : undefined;
}

/** Removes chunks that no description names: of saves that were cut, long enough ago that none of them goes on. */
export async function sweep(
  connection: Connection,
  lookup: Lookup,
  stream: ObjectBucketName,
  olderThanMs = abandonedMs,
): Promise<number> {
  const { streams } = connection.jsm;
  const what = `the chunks of ${stream}`;
  const chunkPrefix = chunkPrefixOf(stream);
  const options = { subjects_filter: `${chunkPrefix}>` };
  const info = await asking(connection, what, () => streams.info(stream, options));
  const endsAtMs = instantOf(timestampOf(info)) - olderThanMs;
  const described = await lookup.load(stream, `${descriptionsOf(stream)}>`, { leader: true });
  const live = new Set(described.map(({ body }) => descriptionOf(body)?.id));
  let swept = 0;
  for (const subject of Object.keys(info.state.subjects ?? {})) {
    if (live.has(subject.slice(chunkPrefix.length))) continue;
    const last = await lookup.last(stream, subject, { leader: true });
    if (last === undefined || last.at > endsAtMs) continue;
    await asking(connection, what, () => streams.purge(stream, { filter: subject }));
    swept += 1;
  }
  return swept;
}
