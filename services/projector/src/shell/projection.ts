/** What a projection is: how the messages of one stream become rows, inside a transaction that somebody else opens. */
import type { StoredMessage, StreamName } from '@waybill/protocol';
import type { Poison } from '../domain/poison.ts';
import type { RecordCounts } from './record-writer.ts';
import type { Tx } from './row-writer.ts';

export type Projected = Readonly<{
  rows: number;
  poison: readonly Poison[];
  records: RecordCounts;
  /** To be called when the transaction is committed, and only then. */
  keep: () => void;
}>;

export type Projection = Readonly<{
  stream: StreamName;
  /** `checkpointSeq`: all before is in the tables; every message is later. */
  project(tx: Tx, messages: readonly StoredMessage[], checkpointSeq: number): Promise<Projected>;
}>;

export const noRecords: RecordCounts = { written: 0, compared: 0, mismatched: [] };
