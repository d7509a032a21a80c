/**
 * Bytes of any size under a key, beside the log: stored as a whole or not at all, with the SHA-256 of what came. Neither
 * direction holds more than a few chunks.
 */
import { createHash } from 'node:crypto';
import { JetStreamApiError } from '@nats-io/jetstream';
import { Outage } from '@waybill/process';
import { asking } from './answer.ts';
import type { Connection } from './connection.ts';
import { cuttable } from './cuttable.ts';
import type { Lookup } from './lookup.ts';
import {
  chunkSubject,
  type Description,
  describe,
  descriptionSubject,
  openStore,
  sweep,
} from './object-bucket.ts';

/** `sha256` is hexadecimal. */
export type StoredBlob = Readonly<{ sizeBytes: number; sha256: string }>;

export type Blobs = Readonly<{
  /** Replaces what lies there. Rejects with what `body` throws, and then nothing of it is left. */
  put(key: string, body: AsyncIterable<Uint8Array>): Promise<StoredBlob>;
  stat(key: string): Promise<StoredBlob | undefined>;
  /** The body throws where bytes are missing or are not what was stored, at the latest at its end. */
  get(key: string): Promise<(StoredBlob & { body: AsyncIterable<Uint8Array> }) | undefined>;
  /** Whether there was one. */
  delete(key: string): Promise<boolean>;
  /** Removes what cut puts have left behind; how many. */
  sweep(): Promise<number>;
}>;

const bucket = 'OBJ_WB_BLOBS';
/** Half of the least `max_payload` that a server comes with. */
const chunkBytesMax = 512 * 1024;
/** Read ahead of whoever takes the bytes. */
const pageBytes = 4 * 1024 * 1024;
/** A put may take its time between two chunks. */
const abandonedMs = 2 * 3_600_000;
const incompleteMax = 8;
const retryMs = 25;
const keyForm = /^[A-Za-z0-9_=./-]{1,512}$/;

export function openBlobs(connection: Connection, lookup: Lookup): Blobs {
  const described = async (key: string): Promise<Description | undefined> =>
    (await describe(lookup, bucket, checked(key))).description;
  const purge = (filter: string): Promise<unknown> =>
    asking(connection, 'the bytes of an object', () =>
      connection.jsm.streams.purge(bucket, { filter }),
    );
  return {
    put: (key, body) => put(connection, checked(key), body),
    stat: async (key) => {
      const found = await described(key);
      return found === undefined ? undefined : blobOf(found);
    },
    get: async (key) => {
      const found = await described(key);
      if (found === undefined) return undefined;
      return { ...blobOf(found), body: bodyOf(connection, lookup, found) };
    },
    delete: async (key) => {
      const found = await described(key);
      if (found === undefined) return false;
      // In this order: chunks without a description are swept, a description without chunks would promise them.
      await purge(descriptionSubject(bucket, key));
      await purge(chunkSubject(bucket, found.id));
      return true;
    },
    sweep: () => sweep(connection, lookup, bucket, abandonedMs),
  };
}

async function put(
  connection: Connection,
  key: string,
  body: AsyncIterable<Uint8Array>,
): Promise<StoredBlob> {
  const store = await openStore(connection, bucket);
  const chunkBytes = Math.min(chunkBytesMax, Math.floor(connection.maxPayload() / 2));
  const source = cuttable(body[Symbol.asyncIterator]());
  const meta = { name: key, options: { max_chunk_size: chunkBytes } };
  try {
    const info = await asking(connection, 'the bytes of an object', () =>
      store.put(meta, source.stream),
    );
    return { sizeBytes: info.size, sha256: hexOf(info.digest) };
  } catch (error) {
    source.cut(error);
    if (source.failure !== undefined) throw source.failure;
    if (!(error instanceof JetStreamApiError)) throw error;
    throw new Outage('blob-refused', 'NATS does not take the bytes of an object', {
      cause: error,
    });
  }
}

async function* bodyOf(
  connection: Connection,
  lookup: Lookup,
  wanted: Description,
): AsyncGenerator<Uint8Array> {
  const filter = chunkSubject(bucket, wanted.id);
  const hash = createHash('sha256');
  let nextSeq = 1;
  let incomplete = 0;
  for (let chunks = 0; chunks < wanted.chunks; ) {
    const query = { seq: nextSeq, next_by_subj: filter };
    const { messages } = await lookup.page(bucket, query, { bytesMax: pageBytes });
    // A replica may lag behind the one that took the bytes.
    if (messages.length === 0) {
      incomplete += 1;
      if (incomplete > incompleteMax) throw damaged();
      await connection.clock.sleep(retryMs * incomplete);
    }
    for (const { seq, body } of messages) {
      chunks += 1;
      nextSeq = seq + 1;
      hash.update(body);
      yield body;
    }
  }
  if (hash.digest('hex') !== hexOf(wanted.digest)) throw damaged();
}

const damaged = (): Outage =>
  new Outage('blob-damaged', 'the bytes of an object are not there as they were stored');

const blobOf = ({ bytes, digest }: Description): StoredBlob => ({
  sizeBytes: bytes,
  sha256: hexOf(digest),
});

/** `SHA-256=<base64url>`, padded or not, as a library writes it. */
const hexOf = (digest: string): string =>
  Buffer.from(digest.slice(digest.indexOf('=') + 1), 'base64url').toString('hex');

function checked(key: string): string {
  if (!keyForm.test(key)) throw new TypeError(`not the key of a blob: ${JSON.stringify(key)}`);
  return key;
}
