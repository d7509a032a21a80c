/**
 * The commit of an upload: verifies size and hash of what came, and makes it the object of its name. It may be asked for twice,
 * also at the same time; the first of all who commit under a name wins.
 */
import type { Stat } from './byte-store.ts';
import { isForkCache, type ObjectLimits, quotaClassOf } from './limits.ts';
import type { CommitRefusal, ObjectEntry, ObjectName, Owner, Said } from './object.ts';
import type { KnownNote } from './object-index.ts';
import { isOwnedBy, isSuccessorOf, type Note, rowText } from './object-row.ts';
import { attempting, enter, type ObjectStorage, objectPathOf, standing } from './object-storage.ts';
import { evict } from './retention.ts';

type Refused = Readonly<{ refusal: CommitRefusal }>;
const refused = (refusal: CommitRefusal): Refused => ({ refusal });

type Candidate = Readonly<{ note: KnownNote; upload: NonNullable<Note['upload']>; stat: Stat }>;
type Asked = Readonly<{ name: ObjectName; owner: Owner | null; said: Said }>;

/** Two commits of one attempt at the same time meet at the note of its upload. */
const claimsMax = 4;

export async function commitUpload(
  storage: ObjectStorage,
  asked: Asked,
): Promise<ObjectEntry | Refused> {
  for (let claim = 1; claim <= claimsMax; claim++) {
    const stands = await standing(storage, asked.name);
    if (stands !== undefined) return judged(stands.entry, asked);
    const outcome = await commitOnce(storage, asked);
    if (outcome === 'moved') continue;
    const isNone = 'refusal' in outcome && outcome.refusal === 'no-upload';
    // Another commit of it may have ended since.
    const since = isNone ? await standing(storage, asked.name) : undefined;
    return since === undefined ? outcome : judged(since.entry, asked);
  }
  return refused('unavailable');
}

const judged = (entry: ObjectEntry, asked: Asked): ObjectEntry | Refused =>
  isItsOwn(entry, asked) ? entry : refused('exists');

type Outcome = ObjectEntry | Refused | 'moved';

async function commitOnce(storage: ObjectStorage, asked: Asked): Promise<Outcome> {
  await storage.index.fresh();
  const notes = storage.index.notesOf(asked.name);
  if (notes.some(({ value }) => isSuccessorOf(value.upload ?? {}, asked.owner)))
    return refused('stale-fence');
  const candidate = await newestUpload(storage, notes, asked.owner);
  if (candidate === undefined) return refused('no-upload');
  const { key } = candidate.upload;
  const problem =
    sizeProblem(storage, asked, candidate) ?? (await hashProblem(storage, asked, candidate));
  if (typeof problem !== 'string') return settle(storage, asked, { ...candidate, ...problem });
  // What is wrong now will not become right; a quota may.
  if (problem === 'wrong-hash' || problem === 'wrong-size')
    await attempting(storage, 'a refused upload', storage.places.at(key)?.delete(key) ?? none);
  return refused(problem);
}

const none = Promise.resolve();

/** The same attempt has asked before, and its answer was lost. */
const isItsOwn = (entry: ObjectEntry, { owner, said }: Asked): boolean =>
  isOwnedBy(entry, owner) &&
  (said.sha256 === undefined ? owner !== null : hexOf(said.sha256) === entry.sha256);

const hexOf = (sha256: string): string => sha256.toLowerCase().replace(/^sha256[:-]/, '');

/** An attempt may have begun more than once; what counts is the last place at which bytes lie. */
async function newestUpload(
  storage: ObjectStorage,
  notes: readonly KnownNote[],
  owner: Owner | null,
): Promise<Candidate | undefined> {
  const newestFirst = notes.toSorted((a, b) => b.seq - a.seq);
  for (const note of newestFirst) {
    const { upload, sweeping } = note.value;
    if (upload === undefined || sweeping === true || !isOwnedBy(upload, owner)) continue;
    const stat = await storage.places.at(upload.key)?.stat(upload.key);
    if (stat !== undefined) return { note, upload, stat };
  }
  return undefined;
}

function sizeProblem(
  { index, limits }: ObjectStorage,
  { name, said }: Asked,
  { upload, stat }: Candidate,
): 'wrong-size' | 'quota' | undefined {
  const { sizeBytes } = stat;
  if (sizeBytes > upload.bytesMax) return 'wrong-size';
  if (said.sizeBytes !== undefined && said.sizeBytes !== sizeBytes) return 'wrong-size';
  switch (quotaClassOf[name.kind]) {
    case 'kept':
      return index.usedBytes(name.org, 'kept') + sizeBytes > limits.keptBytes ? 'quota' : undefined;
    case 'cache':
      return sizeBytes > cacheBytesOf(name, limits) ? 'quota' : undefined;
    case 'free':
      return undefined;
  }
}

const cacheBytesOf = (name: ObjectName, { cacheBytes, forkCacheBytes }: ObjectLimits): number =>
  isForkCache(name) ? Math.min(cacheBytes, forkCacheBytes) : cacheBytes;

async function hashProblem(
  { places }: ObjectStorage,
  { said }: Asked,
  { upload, stat }: Candidate,
): Promise<'wrong-hash' | 'no-upload' | Readonly<{ sha256: string }>> {
  const sha256 = stat.sha256 ?? (await places.at(upload.key)?.sha256(upload.key, stat));
  if (sha256 === undefined) return 'no-upload';
  return said.sha256 === undefined || hexOf(said.sha256) === sha256 ? { sha256 } : 'wrong-hash';
}

async function settle(
  storage: ObjectStorage,
  asked: Asked,
  candidate: Candidate & Readonly<{ sha256: string }>,
): Promise<Outcome> {
  const { table, places, clock, limits } = storage;
  const { name } = asked;
  const { note, upload, stat } = candidate;
  const place = places.at(upload.key);
  const wantedKey = places.keyOf(objectPathOf(name));
  // Claimed: while it is copied no sweep takes it away, and a copy is known before it is made.
  const expiresAt = clock.now() + limits.commitMs;
  const claimed = { ...note.value, keys: [...note.value.keys, wantedKey], expiresAt };
  const seq = await table.put(note.key, rowText(claimed), { expect: note.seq });
  const key = seq === undefined ? undefined : await place?.settle(upload.key, wantedKey, stat);
  // Another commit of it has claimed it, or has taken it away: that one may have ended by now.
  if (seq === undefined || key === undefined) return 'moved';
  const entry = entryOf(storage, asked, { ...candidate, key });
  if (!(await enter(storage, entry))) return 'moved';
  const isCopy = key !== upload.key;
  if (isCopy) await attempting(storage, 'an upload', place?.delete(upload.key) ?? none);
  // A URL that can write again may yet leave bytes there; one that writes once cannot.
  const { upload: _, ...rest } = note.value;
  const after = isCopy
    ? table.put(note.key, rowText({ ...rest, keys: [upload.key] }), { expect: seq })
    : table.delete(note.key, { expect: seq });
  await attempting(storage, 'a note of an upload', after);
  if (quotaClassOf[name.kind] === 'cache')
    await attempting(storage, 'an eviction', evict(storage, name.org));
  return entry;
}

function entryOf(
  storage: ObjectStorage,
  { name, owner, said }: Asked,
  { key, sha256, stat }: Readonly<{ key: string; sha256: string; stat: Stat }>,
): ObjectEntry {
  const now = storage.clock.now();
  return {
    org: name.org,
    kind: name.kind,
    scope: name.scope,
    name: name.name,
    key,
    sha256,
    sizeBytes: stat.sizeBytes,
    createdAt: now,
    usedAt: now,
    ...aboutOf(said, storage),
    ...owner,
  };
}

/** Of labels those that fit; whoever says more is an agent whose upload still counts. */
export function aboutOf(
  { mediaType, labels }: Pick<Said, 'mediaType' | 'labels'>,
  { limits }: Pick<ObjectStorage, 'limits'>,
): Pick<ObjectEntry, 'mediaType' | 'labels'> {
  const fitting = Object.entries(labels ?? {})
    .filter(([name, value]) => Buffer.byteLength(name + value) <= limits.labelBytes)
    .slice(0, limits.labels);
  return {
    ...(mediaType === undefined ? {} : { mediaType: mediaType.slice(0, 255) }),
    ...(fitting.length === 0 ? {} : { labels: Object.fromEntries(fitting) }),
  };
}
