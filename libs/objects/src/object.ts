/** What an object is to everybody: how it is named, what is known of it, and to whose attempt an upload belongs. */
import { z } from 'zod';

export const ObjectKind = z.enum([
  'source',
  'deps',
  'cache',
  'provenance',
  'artifact',
  'log',
  'bundle',
]);
export type ObjectKind = z.infer<typeof ObjectKind>;

/** Everything that names an object: `scope` = what it belongs to beside the org, `name` = its key there. */
export type ObjectName = Readonly<{ org: string; kind: ObjectKind; scope: string; name: string }>;

/** The attempt that an upload is bound to. */
export type Owner = Readonly<{ runId: string; jobId: string; attempt: number; fence: number }>;

const Count = z.int().nonnegative();
const entryFields = {
  org: z.string(),
  kind: ObjectKind,
  scope: z.string(),
  name: z.string(),
  /** Where the bytes lie. */
  key: z.string(),
  /** Hexadecimal. */
  sha256: z.string(),
  sizeBytes: Count,
  mediaType: z.string().exactOptional(),
  /** Unix milliseconds, as this field and the next were written. */
  createdAt: Count,
  /** Moved now and then while it is downloaded: what was not used for longest is evicted first. */
  usedAt: Count,
  runId: z.string().exactOptional(),
  jobId: z.string().exactOptional(),
  attempt: Count.exactOptional(),
  fence: Count.exactOptional(),
  labels: z.record(z.string(), z.string()).readonly().exactOptional(),
};
export const ObjectEntry = z.object(entryFields).readonly();
/** An object that was verified and stands. */
export type ObjectEntry = z.infer<typeof ObjectEntry>;

/** Signed, expires, and works once where Waybill itself serves it. */
export type Upload = Readonly<{ url: string }>;

export type UploadRefusal = 'unavailable' | 'exists' | 'quota' | 'too-big';
export type CommitRefusal =
  | 'no-upload'
  | 'wrong-hash'
  | 'wrong-size'
  | 'exists'
  | 'quota'
  | 'stale-fence'
  | 'unavailable';

/** What the uploader says of what it has uploaded; it is not believed but compared. */
export type Said = Readonly<{
  sha256?: string | undefined;
  sizeBytes?: number | undefined;
  mediaType?: string | undefined;
  labels?: Readonly<Record<string, string>> | undefined;
}>;

export type Swept = Readonly<{ uploads: number; expired: number; evicted: number }>;

export type Objects = Readonly<{
  /** Reserves a place for this name and this attempt. */
  beginUpload(
    name: ObjectName,
    owner: Owner | null,
    o?: Readonly<{ bytesMax?: number | undefined }>,
  ): Promise<Upload | Readonly<{ refusal: UploadRefusal }>>;
  /**
   * Verifies size and hash of what this attempt has uploaded, and makes it the object of that name. Immutable: the first wins.
   * Asked again by the attempt that has won, it gives the same entry again.
   */
  commit(
    name: ObjectName,
    owner: Owner | null,
    said: Said,
  ): Promise<ObjectEntry | Readonly<{ refusal: CommitRefusal }>>;
  /** Exactly this one. */
  find(name: ObjectName): Promise<ObjectEntry | undefined>;
  /** The newest whose name begins so. */
  newest(scope: Omit<ObjectName, 'name'>, prefix: string): Promise<ObjectEntry | undefined>;
  /** Oldest first. */
  list(
    o: Readonly<{ org: string; kind: ObjectKind; scope?: string | undefined }>,
  ): Promise<readonly ObjectEntry[]>;
  downloadUrl(entry: ObjectEntry, o?: Readonly<{ filename?: string | undefined }>): Promise<string>;
  /** On the server's side, without URLs: log archives, bundles. Gives what stands, which is another's where one was first. */
  write(
    name: ObjectName,
    body: AsyncIterable<Uint8Array>,
    o?: Pick<Said, 'mediaType' | 'labels'>,
  ): Promise<ObjectEntry>;
  /** Throws in the middle for bytes that are not what was stored. */
  read(entry: ObjectEntry): Promise<AsyncIterable<Uint8Array>>;
  remove(entry: ObjectEntry): Promise<void>;
  /** What was never committed, what is too old, and of caches what is over the quota. */
  sweep(o: Readonly<{ nowMs: number }>): Promise<Swept>;
  close(): Promise<void>;
}>;
