/** The public door of `@waybill/journal`. */
export type { RefusalCode } from './answer.ts';
export type { Append } from './append.ts';
export { unsettledMax } from './append.ts';
export type { Appended, AppendOptions, Expect } from './append-call.ts';
export type { Blobs, StoredBlob } from './blobs.ts';
export type { Broadcast, Broadcaster, Heard, Listening, ListenOptions } from './broadcast.ts';
export type { BucketName, LogName, TableName } from './bucket.ts';
export type { ConnectionOptions as JournalOptions } from './connection.ts';
export type { ConsumeOptions } from './consume.ts';
export type { Reader } from './feed.ts';
export { type Journal, type JournalStatus, openJournal } from './journal.ts';
export {
  isJournalError,
  isLogRegressed,
  JournalError,
  type JournalErrorCode,
  LogRegressed,
} from './journal-error.ts';
export type { Lease, LeaseOptions } from './lease.ts';
export type { LeaseView, WatchLeasesOptions } from './lease-watch.ts';
export type { LoadOptions } from './lookup.ts';
export { type NatsConfig, type NatsSettings, natsSettings } from './nats-settings.ts';
export { NewerVersion, refuseNewer } from './newer-version.ts';
export { type Position, positionOf } from './position.ts';
export type { Provisioned } from './provision.ts';
export { inFlightMax } from './publisher.ts';
export type { PageOptions, ReadOptions, Replayed, ReplayOptions } from './read.ts';
export type { Positions, Snapshot, SnapshotDraft } from './snapshot.ts';
export type { LogInfo } from './stream-info.ts';
export type { Table, TableRow } from './table.ts';
