/**
 * Which objects there are, as this process knows it: the table folded into memory and followed for ever. `fresh` waits until it
 * knows all that was written before, in any process; it may be behind otherwise, never wrong for long.
 */
import type { Reader, Table, TableRow } from '@waybill/journal';
import { backoffMs, type Clock, type Logger, Outage } from '@waybill/process';
import { isForkCache, type QuotaClass, quotaClassOf } from './limits.ts';
import type { ObjectEntry, ObjectName, Owner } from './object.ts';
import {
  type EntryRow,
  entryKey,
  groupKey,
  isEntryKey,
  isOwnedBy,
  type Note,
  notePrefix,
  readEntry,
  readNote,
} from './object-row.ts';

export type Known<T> = Readonly<{ key: string; seq: number; value: T }>;
export type KnownEntry = Known<EntryRow>;
export type KnownNote = Known<Note>;

/** `fork-cache`: the part of `cache` that forks have. */
type Account = QuotaClass | 'fork-cache';

export type ObjectIndex = Readonly<{
  /** Rejects with an outage when it cannot find out. */
  fresh(): Promise<void>;
  /** In the order of their commits. */
  group(of: Omit<ObjectName, 'name'>): readonly ObjectEntry[];
  entries(): Iterable<KnownEntry>;
  entry(name: ObjectName): KnownEntry | undefined;
  notes(): Iterable<KnownNote>;
  notesOf(name: ObjectName): readonly KnownNote[];
  /** Uploads that are open, of one attempt or of all. */
  uploadCount(org: string, owner?: Owner): number;
  /** What the open uploads of the organisation may still bring. */
  uploadBytes(org: string): number;
  /** An object stands for the bytes under this key. */
  isUsed(bytesKey: string): boolean;
  usedBytes(org: string, of: Account): number;
  close(): Promise<void>;
}>;

type Deps = Readonly<{ table: Table; clock: Clock; log: Logger }>;
type Waiter = Readonly<{ seq: number; done: () => void }>;

const freshMs = 5_000;
const backoff = { baseMs: 100, capMs: 5_000, random: Math.random };

export async function openObjectIndex({ table, clock, log }: Deps): Promise<ObjectIndex> {
  const held = holding();
  const waiters = new Set<Waiter>();
  let seenSeq = 0;
  let reader: Reader | undefined;
  let isClosed = false;

  const onRow = (row: TableRow): void => {
    held.take(row);
    seenSeq = row.seq;
    for (const waiter of waiters) if (waiter.seq <= seenSeq) waiter.done();
  };
  const follow = async (): Promise<Reader> => {
    held.clear();
    seenSeq = 0;
    const opened = await table.watch({ onRow, onFailure: (error) => void again(error, 1) });
    await opened.caughtUp;
    return opened;
  };
  /** A table that became shorter, or another one, is read anew. */
  const again = async (error: unknown, attempt: number): Promise<void> => {
    if (isClosed) return;
    log.warn({ err: error, attempt }, 'the table of objects cannot be followed, trying again');
    await clock.sleep(backoffMs(attempt, backoff));
    if (isClosed) return;
    try {
      reader = await follow();
    } catch (failure) {
      await again(failure, attempt + 1);
    }
  };
  reader = await follow();

  const until = async (seq: number): Promise<void> => {
    if (seenSeq >= seq) return;
    const seen = Promise.withResolvers<void>();
    const waiter = { seq, done: seen.resolve };
    const late = clock.after(freshMs, () =>
      seen.reject(new Outage('objects-behind', 'the table of objects was not read in time')),
    );
    waiters.add(waiter);
    try {
      await seen.promise;
    } finally {
      late.cancel();
      waiters.delete(waiter);
    }
  };
  return {
    fresh: async () => until(await table.newestSeq()),
    group: held.group,
    entries: () => held.entries.values(),
    entry: (name) => held.entries.get(entryKey(name)),
    notes: () => held.notes.values(),
    notesOf: (name) => {
      const prefix = notePrefix(name);
      return [...held.notes.values()].filter(({ key }) => key.startsWith(prefix));
    },
    uploadCount: (org, owner) => {
      let count = 0;
      for (const { value } of held.notes.values()) {
        if (value.upload === undefined || value.org !== org) continue;
        if (owner === undefined || isOwnedBy(value.upload, owner)) count += 1;
      }
      return count;
    },
    uploadBytes: (org) => {
      let bytes = 0;
      for (const { value } of held.notes.values())
        if (value.org === org) bytes += value.upload?.bytesMax ?? 0;
      return bytes;
    },
    isUsed: (bytesKey) => held.used.has(bytesKey),
    usedBytes: held.usedBytes,
    close: async () => {
      isClosed = true;
      await reader?.stop();
    },
  };
}

type Holding = Readonly<{
  entries: ReadonlyMap<string, KnownEntry>;
  notes: ReadonlyMap<string, KnownNote>;
  used: ReadonlySet<string>;
  take(row: TableRow): void;
  clear(): void;
  group(of: Omit<ObjectName, 'name'>): readonly ObjectEntry[];
  usedBytes(org: string, of: Account): number;
}>;

function holding(): Holding {
  const entries = new Map<string, KnownEntry>();
  const notes = new Map<string, KnownNote>();
  const groups = new Map<string, Set<string>>();
  const used = new Set<string>();
  const bytes = new Map<string, number>();

  const count = (entry: ObjectEntry, sign: 1 | -1): void => {
    const accounts: Account[] = [quotaClassOf[entry.kind]];
    if (isForkCache(entry)) accounts.push('fork-cache');
    for (const each of accounts) {
      const account = `${entry.org} ${each}`;
      bytes.set(account, (bytes.get(account) ?? 0) + sign * entry.sizeBytes);
    }
  };
  const drop = (key: string): void => {
    const known = entries.get(key);
    if (known === undefined) return;
    const { entry } = known.value;
    entries.delete(key);
    used.delete(entry.key);
    const group = groups.get(groupKey(entry));
    group?.delete(key);
    if (group?.size === 0) groups.delete(groupKey(entry));
    count(entry, -1);
  };
  const keep = (key: string, seq: number, value: EntryRow): void => {
    const { entry } = value;
    entries.set(key, { key, seq, value });
    used.add(entry.key);
    const group = groups.get(groupKey(entry)) ?? new Set();
    groups.set(groupKey(entry), group.add(key));
    count(entry, 1);
  };
  return {
    entries,
    notes,
    used,
    take: ({ key, seq, value }) => {
      if (isEntryKey(key)) {
        const row = value === undefined ? undefined : readEntry(value);
        drop(key);
        if (row !== undefined) keep(key, seq, row);
        return;
      }
      const note = value === undefined ? undefined : readNote(value);
      if (note === undefined) notes.delete(key);
      else notes.set(key, { key, seq, value: note });
    },
    clear: () => {
      for (const map of [entries, notes, groups, used, bytes]) map.clear();
    },
    group: (of) =>
      [...(groups.get(groupKey(of)) ?? [])]
        .flatMap((key) => entries.get(key) ?? [])
        .sort((a, b) => bornSeqOf(a) - bornSeqOf(b))
        .map(({ value }) => value.entry),
    usedBytes: (org, of) => bytes.get(`${org} ${of}`) ?? 0,
  };
}

const bornSeqOf = ({ seq, value }: KnownEntry): number => value.bornSeq ?? seq;
