/**
 * The buckets beside the log, as data. Leases, which lapse by themselves, snapshots and used tickets may be lost at any time, at
 * the price of work done again. The bytes of objects, and the table that says what they are, lie nowhere else.
 */
import type { StoredMessage, StreamName } from '@waybill/protocol';

export type TableName = 'KV_WB_OBJECTS' | 'KV_WB_TICKETS';
export type ObjectBucketName = 'OBJ_WB_SNAPSHOTS' | 'OBJ_WB_BLOBS';
export type BucketName = 'KV_WB_LEASES' | TableName | ObjectBucketName;
/** Whatever the server holds for us: a stream of the log, or the stream behind a bucket. */
export type LogName = StreamName | BucketName;

/** A message of any of them; of the log alone when nothing is said. */
export type Stored<S extends LogName = StreamName> = Omit<StoredMessage, 'stream'> &
  Readonly<{ stream: S }>;

export type BucketSpec = Readonly<{
  name: BucketName;
  description: string;
  subjects: readonly string[];
  duplicateWindowMs: number;
  /** Only the last message of a subject counts, and lapses on its own where it says so. */
  holds: 'last-per-subject' | 'objects';
}>;

export const buckets: Readonly<Record<BucketName, BucketSpec>> = {
  KV_WB_LEASES: {
    name: 'KV_WB_LEASES',
    description: 'Who holds which lease; what is not renewed lapses.',
    subjects: ['$KV.WB_LEASES.>'],
    duplicateWindowMs: 120_000,
    holds: 'last-per-subject',
  },
  OBJ_WB_SNAPSHOTS: {
    name: 'OBJ_WB_SNAPSHOTS',
    description: 'The newest snapshot of every fold.',
    subjects: ['$O.WB_SNAPSHOTS.C.>', '$O.WB_SNAPSHOTS.M.>'],
    duplicateWindowMs: 120_000,
    holds: 'objects',
  },
  OBJ_WB_BLOBS: {
    name: 'OBJ_WB_BLOBS',
    description: 'The bytes of objects: caches, artifacts, provenance, archived logs.',
    subjects: ['$O.WB_BLOBS.C.>', '$O.WB_BLOBS.M.>'],
    duplicateWindowMs: 120_000,
    holds: 'objects',
  },
  KV_WB_OBJECTS: {
    name: 'KV_WB_OBJECTS',
    description: 'Which objects there are, and which uploads are open.',
    subjects: ['$KV.WB_OBJECTS.>'],
    duplicateWindowMs: 120_000,
    holds: 'last-per-subject',
  },
  KV_WB_TICKETS: {
    name: 'KV_WB_TICKETS',
    description: 'Which signed URLs are used up; each lapses with its URL.',
    subjects: ['$KV.WB_TICKETS.>'],
    duplicateWindowMs: 120_000,
    holds: 'last-per-subject',
  },
};

export const bucketNames = Object.keys(buckets) as readonly BucketName[]; // the record's keys are its type

export const isBucket = (name: LogName): name is BucketName => name in buckets;

/**
 * How long the mark of a lapse or of a release lies there. The server's least, because it raises every shorter lease to
 * it; who missed one finds out by asking.
 */
export const markerMs = 1_000;
