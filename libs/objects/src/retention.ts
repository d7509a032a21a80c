/**
 * What goes: an object that is removed, a cache that nobody used for long or that is over the quota, an upload that was never
 * committed. First the entry goes and later the bytes, so that a URL that was given out still works until it expires.
 */
import { isForkCache, type QuotaClass, quotaClassOf, ttlMsOf } from './limits.ts';
import type { ObjectEntry, Swept } from './object.ts';
import type { KnownNote } from './object-index.ts';
import { entryKey, rowText } from './object-row.ts';
import { attempting, leaveNote, type ObjectStorage, standing } from './object-storage.ts';

const removalsMax = 3;
const sweptMax = 1_000;

/** False where it does not stand any more. */
export async function removeEntry(storage: ObjectStorage, entry: ObjectEntry): Promise<boolean> {
  const { table, clock, limits } = storage;
  let hasNote = false;
  for (let removal = 1; removal <= removalsMax; removal++) {
    const stands = await standing(storage, entry);
    if (stands?.entry.key !== entry.key) return false;
    if (!hasNote) {
      const expiresAt = clock.now() + limits.urlMs;
      await leaveNote(storage, entry, { org: entry.org, keys: [entry.key], expiresAt });
      hasNote = true;
    }
    // It may have been used meanwhile, which moves its sequence.
    if (await table.delete(entryKey(entry), { expect: stands.seq })) return true;
  }
  return false;
}

/** Caches over the quotas of an organisation: forks' first, so that no stranger's run costs a trusted one its own; how many. */
export async function evict(storage: ObjectStorage, org: string): Promise<number> {
  const { index, limits } = storage;
  await index.fresh();
  const overBytes = index.usedBytes(org, 'cache') - limits.cacheBytes;
  const forksOverBytes = index.usedBytes(org, 'fork-cache') - limits.forkCacheBytes;
  if (overBytes <= 0 && forksOverBytes <= 0) return 0;
  const caches = [...index.entries()]
    .map(({ value }) => value.entry)
    .filter((entry) => entry.org === org && quotaClassOf[entry.kind] === cacheClass)
    .sort((a, b) => a.usedAt - b.usedAt || a.createdAt - b.createdAt);
  const ofForks = caches.filter(isForkCache);
  const others = caches.filter((entry) => !isForkCache(entry));
  const first = await evictOf(storage, ofForks, Math.max(overBytes, forksOverBytes));
  const then = await evictOf(storage, others, overBytes - first.bytes);
  return first.evicted + then.evicted;
}
const cacheClass: QuotaClass = 'cache';

async function evictOf(
  storage: ObjectStorage,
  caches: readonly ObjectEntry[],
  overBytes: number,
): Promise<Readonly<{ evicted: number; bytes: number }>> {
  let evicted = 0;
  let bytes = 0;
  for (const entry of caches) {
    if (bytes >= overBytes) break;
    if (await removeEntry(storage, entry)) evicted += 1;
    bytes += entry.sizeBytes;
  }
  return { evicted, bytes };
}

export async function sweepAll(storage: ObjectStorage, nowMs: number): Promise<Swept> {
  const { index } = storage;
  await index.fresh();
  const uploads = await sweepNotes(storage, nowMs);
  let expired = 0;
  for (const entry of expiredOf(storage, nowMs))
    if (await removeEntry(storage, entry)) expired += 1;
  let evicted = 0;
  const orgs = new Set([...index.entries()].map(({ value }) => value.entry.org));
  for (const org of orgs) evicted += await evict(storage, org);
  return { uploads, expired, evicted };
}

function expiredOf({ index, limits }: ObjectStorage, nowMs: number): readonly ObjectEntry[] {
  return [...index.entries()]
    .map(({ value }) => value.entry)
    .filter(({ kind, usedAt }) => {
      const ttlMs = ttlMsOf(kind, limits);
      return ttlMs !== undefined && usedAt + ttlMs < nowMs;
    })
    .slice(0, sweptMax);
}

/** How many of them were uploads that nobody has committed. */
async function sweepNotes(storage: ObjectStorage, nowMs: number): Promise<number> {
  const { index, table, limits } = storage;
  const due = [...index.notes()]
    .filter(({ value }) => value.expiresAt + limits.graceMs < nowMs)
    .slice(0, sweptMax);
  if (due.length === 0) return 0;
  const marked: KnownNote[] = [];
  for (const { key, seq, value } of due) {
    const text = rowText({ ...value, sweeping: true });
    const now = value.sweeping === true ? seq : await table.put(key, text, { expect: seq });
    if (now !== undefined) marked.push({ key, seq: now, value });
  }
  // From the mark on no commit can begin; whatever was committed before is known then, and perhaps not a moment later.
  await index.fresh();
  const sweeps = marked.map((note) => ({
    note,
    abandoned: note.value.keys.filter((each) => !index.isUsed(each)),
  }));
  let swept = 0;
  for (const each of sweeps) if (await sweepNote(storage, each)) swept += 1;
  return swept;
}

type Sweep = Readonly<{ note: KnownNote; abandoned: readonly string[] }>;

async function sweepNote(storage: ObjectStorage, { note, abandoned }: Sweep): Promise<boolean> {
  const { places, table } = storage;
  const { key, seq, value } = note;
  // Of a storage that is not set up here somebody else must remove them.
  if (abandoned.some((each) => places.at(each) === undefined)) return false;
  try {
    for (const each of abandoned) await places.at(each)?.delete(each);
  } catch (error) {
    storage.log.warn(
      { err: error },
      'bytes of an object cannot be removed; the next sweep tries again',
    );
    return false;
  }
  await attempting(storage, 'a note of an upload', table.delete(key, { expect: seq }));
  return value.upload !== undefined && abandoned.length === value.keys.length;
}
