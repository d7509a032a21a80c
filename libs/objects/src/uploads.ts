/** Uploads: a place for one attempt, by a URL that nobody else is given. */
import type { ByteUrls } from './byte-store.ts';
import { quotaClassOf } from './limits.ts';
import type { ObjectName, Owner, Upload, UploadRefusal } from './object.ts';
import { isOwnedBy, isSuccessorOf } from './object-row.ts';
import { leaveNote, type ObjectStorage, standing, uploadPath } from './object-storage.ts';
import type { Stores } from './stores.ts';

type Refused = Readonly<{ refusal: UploadRefusal }>;
const refused = (refusal: UploadRefusal): Refused => ({ refusal });

export async function beginUpload(
  storage: ObjectStorage,
  urls: Stores<ByteUrls>,
  asked: Readonly<{ name: ObjectName; owner: Owner | null; bytesMax: number | undefined }>,
): Promise<Upload | Refused> {
  const { name, owner } = asked;
  const { index, limits, clock } = storage;
  const bytesMax = asked.bytesMax ?? limits.objectBytes;
  if (bytesMax > limits.objectBytes || isTooLong(storage, name)) return refused('too-big');
  if ((await standing(storage, name)) !== undefined) return refused('exists');
  await index.fresh();
  const { org } = name;
  if (quotaClassOf[name.kind] === 'kept' && index.usedBytes(org, 'kept') >= limits.keptBytes)
    return refused('quota');
  const notes = index.notesOf(name);
  const now = clock.now();
  const open = notes.filter(
    ({ value }) =>
      value.upload !== undefined && isOwnedBy(value.upload, owner) && value.expiresAt >= now,
  );
  const isLate = notes.some(({ value }) => isSuccessorOf(value.upload ?? {}, owner));
  if (
    isLate ||
    open.length >= limits.uploadsOpen ||
    (owner !== null && index.uploadCount(org, owner) >= limits.uploadsOpenAttempt) ||
    index.uploadCount(org) >= limits.uploadsOpenOrg ||
    index.uploadBytes(org) + bytesMax > limits.uploadsOpenBytes
  )
    return refused('unavailable');
  const key = storage.places.keyOf(uploadPath(org, owner));
  const expiresAt = now + limits.urlMs;
  const upload = { key, bytesMax, ...owner };
  await leaveNote(storage, name, { upload, org, keys: [key], expiresAt });
  const url = await urls.at(key)?.uploadUrl(key, { org, expiresAt, bytesMax });
  return url === undefined ? refused('unavailable') : { url };
}

function isTooLong({ limits }: ObjectStorage, { scope, name }: ObjectName): boolean {
  return Buffer.byteLength(name) > limits.nameBytes || Buffer.byteLength(scope) > limits.scopeBytes;
}
