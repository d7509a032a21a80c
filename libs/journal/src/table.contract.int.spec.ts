import { systemClock } from '@waybill/process';
import { eventually } from '@waybill/process/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer, type TestServer } from './journal.fixture.ts';
import type { Table, TableRow } from './table.ts';

const textOf = (row: TableRow | undefined): string | undefined =>
  row?.value === undefined ? undefined : new TextDecoder().decode(row.value);

describe('a table', () => {
  let server: TestServer;
  let table: Table;
  beforeAll(async () => {
    server = await startServer();
    table = server.journal.table('KV_WB_OBJECTS');
  });
  afterAll(() => server?.stop());

  let count = 0;
  const freshKey = (): string => `spec.${++count}`;

  it('takes the first of all who create a row, in any process', async () => {
    const key = freshKey();
    const other = (await server.another()).table('KV_WB_OBJECTS');
    const tables = [table, other, table, other, table, other];
    const made = await Promise.all(tables.map((each, n) => each.create(key, `by ${n}`)));
    const winners = made.flatMap((seq, n) => (seq === undefined ? [] : [{ seq, n }]));
    expect(winners).toHaveLength(1);
    expect(textOf(await other.get(key))).toBe(`by ${winners[0]?.n}`);
    expect((await table.get(key))?.seq).toBe(winners[0]?.seq);
  });

  it('changes and deletes a row only for who has seen what lies there', async () => {
    const key = freshKey();
    const first = (await table.create(key, 'one')) ?? 0;
    const second = (await table.put(key, 'two', { expect: first })) ?? 0;
    expect(second).toBeGreaterThan(first);
    expect(await table.put(key, 'three', { expect: first })).toBeUndefined();
    expect(await table.delete(key, { expect: first })).toBe(false);
    expect(textOf(await table.get(key))).toBe('two');
    expect(await table.delete(key, { expect: second })).toBe(true);
    expect(await table.get(key)).toBeUndefined();
    expect(await table.create(key, 'again')).toBeGreaterThan(second);
    expect(textOf(await table.get(key))).toBe('again');
  });

  it('lets a row lapse by itself', async () => {
    const tickets = server.journal.table('KV_WB_TICKETS');
    const key = freshKey();
    expect(await tickets.create(key, '', { ttlMs: 1_000 })).toBeDefined();
    expect(await tickets.create(key, '', { ttlMs: 1_000 })).toBeUndefined();
    await eventually(async () => (await tickets.get(key)) === undefined, { withinMs: 10_000 });
    expect(await tickets.create(key, '', { ttlMs: 1_000 })).toBeDefined();
  });

  it('tells every row and every change of it, deletions too', async () => {
    const keys = [freshKey(), freshKey()] as const;
    await table.create(keys[0], 'there before');
    const told: string[] = [];
    const failures: Error[] = [];
    const reader = await (await server.another()).table('KV_WB_OBJECTS').watch({
      onRow: (row) => {
        if (keys.some((key) => key === row.key)) told.push(`${row.key} ${textOf(row) ?? '-'}`);
      },
      onFailure: (error) => failures.push(error),
    });
    await reader.caughtUp;
    expect(told).toEqual([`${keys[0]} there before`]);
    const seq = (await table.create(keys[1], 'new')) ?? 0;
    await table.delete(keys[1], { expect: seq });
    const newest = await table.newestSeq();
    await eventually(() => reader.seq() >= newest);
    // Of what is replaced before it was delivered only the last is told.
    expect(told.at(-1)).toBe(`${keys[1]} -`);
    expect(failures).toEqual([]);
    await reader.stop();
  });

  it('keeps its rows over a restart of the server', async () => {
    const key = freshKey();
    await table.create(key, 'kept');
    await server.nats.kill();
    await server.revive();
    await eventually(async () => textOf(await table.get(key).catch(() => undefined)) === 'kept');
    expect(await table.create(key, 'another')).toBeUndefined();
  });

  it('gives a write whose answer is late its one outcome', async () => {
    const [key, taken] = [freshKey(), freshKey()];
    await table.create(taken, 'theirs');
    server.nats.signal('SIGSTOP');
    const writes = [table.create(key, 'ours'), table.create(taken, 'ours')];
    const outcomes = Promise.all(writes);
    // Long enough that each has been given up once, and is tried again.
    const late = systemClock.after(2_500, () => server.nats.signal('SIGCONT'));
    const [stored, refused] = await outcomes;
    late.cancel();
    expect(refused).toBeUndefined();
    expect((await table.get(key))?.seq).toBe(stored);
    expect(textOf(await table.get(taken))).toBe('theirs');
  });

  it('refuses a key that would be a wildcard', async () => {
    for (const key of ['', '*', 'a.>', 'a..b', 'a b'])
      await expect(table.get(key)).rejects.toThrow('not a key');
  });
});
