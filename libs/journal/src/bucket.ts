/**
 * The buckets beside the log, as data: leases, which lapse by themselves, and snapshots. Neither is truth: both may be
 * lost at any time, at the price of work done again.
 */
import type { StoredMessage, StreamName } from '@waybill/protocol';

export type BucketName = 'KV_WB_LEASES' | 'OBJ_WB_SNAPSHOTS';
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
};

export const bucketNames = Object.keys(buckets) as readonly BucketName[]; // the record's keys are its type

export const isBucket = (name: LogName): name is BucketName => name in buckets;

/**
 * How long the mark of a lapse or of a release lies there. The server's least, because it raises every shorter lease to
 * it; who missed one finds out by asking.
 */
export const markerMs = 1_000;
