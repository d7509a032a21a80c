/**
 * Objects: what is stored under a name beside the log, by one interface wherever the bytes lie. What stands was verified and
 * never changes; what was never committed, is too old or is over a quota goes with a sweep.
 */
import type { Journal } from '@waybill/journal';
import { type Clock, isOutage, type KeyRing, type Logger, Outage } from '@waybill/process';
import type { ByteUrls } from './byte-store.ts';
import { commitUpload } from './commit.ts';
import { objectLimits, ttlMsOf } from './limits.ts';
import { natsPlace, natsUrls } from './nats-store.ts';
import type { ObjectEntry, Objects } from './object.ts';
import { openObjectIndex } from './object-index.ts';
import { entryKey, rowText } from './object-row.ts';
import { type ObjectStorage, standing } from './object-storage.ts';
import { readObject, writeObject } from './object-writing.ts';
import { removeEntry, sweepAll } from './retention.ts';
import { s3Client } from './s3-client.ts';
import { s3Store } from './s3-store.ts';
import type { ObjectSettings } from './settings.ts';
import { placesByKey, type Stores, urlsByKey } from './stores.ts';
import { beginUpload } from './uploads.ts';
import { urlSigner } from './url-token.ts';

type ObjectJournal = Pick<Journal, 'blobs' | 'table'>;

export type ObjectsOptions = SweeperOptions &
  Readonly<{
    ring: KeyRing;
    /** At which the api is reached; as a function where that is known only later. */
    publicUrl: string | (() => string);
  }>;

export type SweeperOptions = Readonly<{
  journal: ObjectJournal;
  clock: Clock;
  log: Logger;
  settings: ObjectSettings;
}>;

export type ObjectSweeper = Pick<Objects, 'sweep' | 'close'>;

export async function openObjects(o: ObjectsOptions): Promise<Objects> {
  const storage = await openStorage(o);
  const { publicUrl } = o;
  const urls = urlsByKey({
    nats: natsUrls(urlSigner(o.ring), typeof publicUrl === 'string' ? () => publicUrl : publicUrl),
    s3: s3Of(o),
  });
  /** An agent is told that storage is away; it is not made to wait for it. */
  const unlessAway = async <T>(work: Promise<T>): Promise<T | { refusal: 'unavailable' }> => {
    try {
      return await work;
    } catch (error) {
      if (!isOutage(error)) throw error;
      o.log.warn({ err: error }, 'the storage of objects is away');
      return { refusal: 'unavailable' };
    }
  };
  const isReachable = ({ key }: ObjectEntry): boolean => storage.places.at(key) !== undefined;
  return {
    beginUpload: (name, owner, { bytesMax } = {}) =>
      unlessAway(beginUpload(storage, urls, { name, owner, bytesMax })),
    commit: (name, owner, said) => unlessAway(commitUpload(storage, { name, owner, said })),
    find: async (name) => {
      const found = (await standing(storage, name))?.entry;
      return found !== undefined && isReachable(found) ? found : undefined;
    },
    newest: async (scope, prefix) => {
      await storage.index.fresh();
      return storage.index
        .group(scope)
        .findLast((entry) => entry.name.startsWith(prefix) && isReachable(entry));
    },
    list: async ({ org, kind, scope }) => {
      await storage.index.fresh();
      if (scope !== undefined) return storage.index.group({ org, kind, scope });
      return [...storage.index.entries()]
        .map(({ value }) => value.entry)
        .filter((entry) => entry.org === org && entry.kind === kind)
        .sort((a, b) => a.createdAt - b.createdAt);
    },
    downloadUrl: (entry, { filename } = {}) => downloadUrl(storage, urls, entry, filename),
    write: (name, body, about = {}) => writeObject(storage, name, body, about),
    read: (entry) => readObject(storage, entry),
    remove: async (entry) => void (await removeEntry(storage, entry)),
    ...sweeping(storage),
  };
}

/** For whoever only sweeps, and has no keys. */
export async function openObjectSweeper(o: SweeperOptions): Promise<ObjectSweeper> {
  return sweeping(await openStorage(o));
}

async function openStorage({
  journal,
  clock,
  log,
  settings,
}: SweeperOptions): Promise<ObjectStorage> {
  const table = journal.table('KV_WB_OBJECTS');
  return {
    table,
    index: await openObjectIndex({ table, clock, log }),
    places: placesByKey({
      nats: natsPlace(journal.blobs),
      s3: s3Of({ settings, clock }),
    }),
    limits: { ...objectLimits, ...settings.limits },
    clock,
    log,
  };
}

const s3Of = ({ settings, clock }: Pick<SweeperOptions, 'settings' | 'clock'>) =>
  settings.s3 === undefined ? undefined : s3Store(s3Client(settings.s3, clock));

const tidyEveryMs = 3_600_000;

function sweeping(storage: ObjectStorage): ObjectSweeper {
  let tidiedMs = Number.NEGATIVE_INFINITY;
  return {
    sweep: async ({ nowMs }) => {
      const swept = await sweepAll(storage, nowMs);
      if (nowMs - tidiedMs < tidyEveryMs) return swept;
      tidiedMs = nowMs;
      for (const place of storage.places.all) await place.tidy();
      return swept;
    },
    close: () => storage.index.close(),
  };
}

async function downloadUrl(
  storage: ObjectStorage,
  urls: Stores<ByteUrls>,
  entry: ObjectEntry,
  filename: string | undefined,
): Promise<string> {
  const { clock, limits, log } = storage;
  const { org, key, mediaType } = entry;
  const store = urls.at(key);
  if (store === undefined)
    throw new Outage('object-gone', 'an object lies in a storage that is not set up');
  await used(storage, entry).catch((error: unknown) =>
    log.debug({ err: error }, 'the use of an object is not noted'),
  );
  const expiresAt = clock.now() + limits.urlMs;
  return store.downloadUrl(key, { org, expiresAt, filename: filename?.slice(0, 255), mediaType });
}

/** Who loses a race here was used at the same time. */
async function used(storage: ObjectStorage, entry: ObjectEntry): Promise<void> {
  const now = storage.clock.now();
  const isNoted = entry.usedAt + storage.limits.touchMs > now;
  if (isNoted || ttlMsOf(entry.kind, storage.limits) === undefined) return;
  const stands = await standing(storage, entry);
  if (stands?.entry.key !== entry.key) return;
  const row = { entry: { ...stands.entry, usedAt: now }, bornSeq: stands.bornSeq ?? stands.seq };
  await storage.table.put(entryKey(entry), rowText(row), { expect: stands.seq });
}
