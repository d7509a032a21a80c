/**
 * Where a reader stands: which log, which sequence, and which event lies there. A log that became shorter or another one
 * (restored, recreated, cut by a power failure) is noticed and named instead of silently skipped.
 */
import { streams } from '@waybill/protocol';
import { isBucket, type LogName, type Stored } from './bucket.ts';
import type { Connection } from './connection.ts';
import { LogRegressed } from './journal-error.ts';
import type { Lookup } from './lookup.ts';
import { idOf } from './message.ts';
import { type LogInfo, logInfo } from './stream-info.ts';

/** `identity` of the stream, and the id of the event at `seq` as `positionOf` gives it. Kept with whatever was derived up to it. */
export type Position = Readonly<{ identity: string; seq: number; id: string }>;

export const positionOf = (identity: string, message: Stored<LogName>): Position => ({
  identity,
  seq: message.seq,
  id: idOf(message),
});

/** A new leader of a replicated stream may for a moment not have applied what was already delivered. */
const catchUpMs = 3_000;
const catchUpStepMs = 100;

/** Resolves with the state of the log when it still contains the position; else rejects with LogRegressed. */
export async function verifyPosition(
  connection: Connection,
  lookup: Lookup,
  stream: LogName,
  position: Position | undefined,
): Promise<LogInfo> {
  const endsAtMs = connection.clock.monotonicMs() + catchUpMs;
  for (;;) {
    const info = await logInfo(connection, stream);
    if (position === undefined || position.seq === 0) return info;
    const problem = await problemOf(lookup, stream, position, info);
    if (problem === undefined) return info;
    if (info.replicas === 1 || connection.clock.monotonicMs() > endsAtMs) {
      throw new LogRegressed(
        `${stream} is not the log that was read up to ${position.seq}: ${problem}`,
      );
    }
    await connection.clock.sleep(catchUpStepMs);
  }
}

async function problemOf(
  lookup: Lookup,
  stream: LogName,
  position: Position,
  info: LogInfo,
): Promise<string | undefined> {
  if (info.identity !== position.identity) {
    return `its identity is ${info.identity}, not ${position.identity}`;
  }
  if (position.seq > info.lastSeq) return `it ends at ${info.lastSeq}`;
  if (position.seq < info.firstSeq) {
    const record = !isBucket(stream) && streams[stream].keeps === 'all';
    return record ? `it begins at ${info.firstSeq}` : undefined;
  }
  // What lies in a bucket is replaced or lapses.
  if (isBucket(stream)) return undefined;
  const there = await lookup.get(stream, position.seq, { leader: true });
  if (there === undefined) return 'nothing lies there';
  const id = idOf(there);
  return id === position.id ? undefined : `the event there is ${id}, not ${position.id}`;
}
