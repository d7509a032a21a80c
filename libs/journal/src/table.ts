/**
 * A table beside the log: under each key one value, changed by compare-and-set on its sequence. Reads come from the leader, so that
 * what was written is seen by whoever reads after it, in any process.
 */
import type { Stored, TableName } from './bucket.ts';
import { openFeed, type Reader } from './feed.ts';
import { createOrdered, dropOrdered } from './ordered-consumer.ts';
import { type TableDeps, whatLies, writeOnce } from './table-write.ts';

export type TableRow = Readonly<{
  key: string;
  seq: number;
  /** Undefined where one was deleted or has lapsed. */
  value: Uint8Array | undefined;
}>;

type Writing = Readonly<{
  /** The row lapses by itself, in whole seconds and 1 s at least. */ ttlMs?: number;
}>;

export type Table = Readonly<{
  /** Its sequence; undefined where something lies there already. */
  create(key: string, value: string, o?: Writing): Promise<number | undefined>;
  /** The row, where there is one. */
  get(key: string): Promise<(TableRow & { readonly value: Uint8Array }) | undefined>;
  /** Its new sequence; undefined where something else than the expected lies there. */
  put(
    key: string,
    value: string,
    o: Writing & Readonly<{ expect: number }>,
  ): Promise<number | undefined>;
  /** False where something else than the expected lies there. */
  delete(key: string, o: Readonly<{ expect: number }>): Promise<boolean>;
  /** Of the newest row or mark that there is; 0 for none. Who has heard of it knows all that was written before. */
  newestSeq(): Promise<number>;
  /** Every row, then every change, in their order. */
  watch(
    o: Readonly<{ onRow: (row: TableRow) => void; onFailure: (error: Error) => void }>,
  ): Promise<Reader>;
}>;

/** A watcher that was away for longer may not hear of a deletion. */
const deletionMarkMs = 86_400_000;
const keyForm = /^[A-Za-z0-9_=-]{1,128}(?:\.[A-Za-z0-9_=-]{1,128}){0,9}$/;
const encoder = new TextEncoder();
const nothing = new Uint8Array();

export function openTable(deps: TableDeps, table: TableName): Table {
  const { connection, lookup } = deps;
  const prefix = `$KV.${table.slice('KV_'.length)}.`;
  const subjectOf = (key: string): string => {
    if (!keyForm.test(key)) throw new TypeError(`not a key of ${table}: ${JSON.stringify(key)}`);
    return prefix + key;
  };
  const rowOf = (message: Stored<TableName>): TableRow => ({
    key: message.subject.slice(prefix.length),
    seq: message.seq,
    value: isMark(message) ? undefined : message.body,
  });
  const find = async (key: string): Promise<TableRow | undefined> => {
    const found = await lookup.last(table, subjectOf(key), { leader: true });
    return found === undefined ? undefined : rowOf(found);
  };
  const write = (key: string, value: string, expect: number, o: Writing) =>
    writeOnce(deps, {
      table,
      subject: subjectOf(key),
      body: encoder.encode(value),
      expect,
      headers: o.ttlMs === undefined ? {} : { 'Nats-TTL': ttlOf(o.ttlMs) },
    });

  return {
    create: async (key, value, o = {}) => {
      const seq = await write(key, value, 0, o);
      if (seq !== undefined) return seq;
      const there = await whatLies(deps, { table, subject: subjectOf(key) });
      const found = there === undefined ? undefined : rowOf(there);
      if (found?.value !== undefined) return undefined;
      // What was deleted may be created again, in the place of its mark.
      return write(key, value, found?.seq ?? 0, o);
    },
    get: async (key) => {
      const found = await find(key);
      return found?.value === undefined ? undefined : { ...found, value: found.value };
    },
    put: (key, value, o) => write(key, value, o.expect, o),
    delete: async (key, { expect }) => {
      const headers = { 'KV-Operation': 'DEL', 'Nats-TTL': ttlOf(deletionMarkMs) };
      const draft = { table, subject: subjectOf(key), body: nothing, expect, headers };
      return (await writeOnce(deps, draft)) !== undefined;
    },
    newestSeq: async () => (await lookup.last(table, `${prefix}>`, { leader: true }))?.seq ?? 0,
    watch: ({ onRow, onFailure }) =>
      openFeed({
        connection,
        lookup,
        stream: table,
        from: undefined,
        attach: (nextSeq) =>
          createOrdered(connection, { stream: table, filters: [`${prefix}>`] }, nextSeq),
        detach: (consumer) => dropOrdered(connection, table, consumer),
        batchMax: 500,
        handle: (messages) => {
          for (const message of messages) onRow(rowOf(message));
        },
        onFailure,
      }),
  };
}

const ttlOf = (ms: number): string => `${Math.max(1, Math.ceil(ms / 1_000))}s`;

const isMark = (message: Stored<TableName>): boolean =>
  message.header('KV-Operation') !== undefined ||
  message.header('Nats-Marker-Reason') !== undefined;
