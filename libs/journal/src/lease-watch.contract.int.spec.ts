import { eventually } from '@waybill/process/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer, type TestServer } from './journal.fixture.ts';
import type { Journal } from './journal.ts';
import { campaign, freshName, startCandidate } from './lease.fixture.ts';
import type { LeaseView } from './lease-watch.ts';

describe('watching leases', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server?.stop());

  type Told = Readonly<{ name: string; held: LeaseView | undefined }>;
  const watch = async (journal: Journal, prefix: string) => {
    const told: Told[] = [];
    const failures: Error[] = [];
    const reader = await journal.watchLeases({
      prefix,
      onChange: (name, held) => void told.push({ name, held }),
      onFailure: (error) => void failures.push(error),
    });
    return { told, failures, reader };
  };

  it('tells what is held before it is caught up, then every change, and no renewal', async () => {
    const [one, two] = [freshName('gateway'), freshName('gateway')];
    const first = campaign(server.journal, { name: one, ttlMs: 1_000, holder: 'g1' });
    const epoch = await eventually(() => first.lease.epoch());
    const { told, failures, reader } = await watch(await server.another(), 'gateway.');
    await reader.caughtUp;
    expect(told).toEqual([{ name: one, held: { name: one, holder: 'g1', epoch } }]);
    const second = campaign(server.journal, { name: two, ttlMs: 1_000, holder: 'g2' });
    const other = campaign(server.journal, { name: freshName('scheduler'), ttlMs: 1_000 });
    await eventually(() => told.length === 2);
    const later = second.lease.epoch();
    expect(told[1]).toEqual({ name: two, held: { name: two, holder: 'g2', epoch: later } });
    const seq = reader.seq();
    await eventually(() => reader.seq() > seq + 8);
    await first.lease.release();
    await eventually(() => told.length === 3);
    expect(told[2]).toEqual({ name: one, held: undefined });
    await Promise.all([second.lease.release(), other.lease.release()]);
    await eventually(() => told.length === 4);
    await reader.stop();
    expect(failures).toEqual([]);
  });

  it('tells that a lease has lapsed and who has it next', async () => {
    const name = freshName('gateway');
    const { url, user, password } = server.nats;
    const options = { nats: { url, user, password }, name, ttlMs: 1_000 };
    const { told, reader } = await watch(server.journal, name);
    const holder = startCandidate(options);
    const epoch = await eventually(() => holder.epoch(), { withinMs: 10_000 });
    await holder.kill();
    await eventually(() => told.length === 2);
    expect(told.map(({ held }) => held?.epoch)).toEqual([epoch, undefined]);
    await reader.stop();
  });

  it('is not stopped by another watch, and stops with the journal', async () => {
    const journal = await server.another();
    const name = freshName('gateway');
    const [stopped, kept] = await Promise.all([watch(journal, name), watch(journal, name)]);
    await stopped.reader.stop();
    const held = campaign(server.journal, { name, ttlMs: 60_000 });
    await eventually(() => kept.told.length === 1);
    expect(stopped.told).toEqual([]);
    await journal.close();
    await held.lease.release();
    expect(kept.told).toHaveLength(1);
    expect([...stopped.failures, ...kept.failures]).toEqual([]);
  });

  it('ends with what its owner throws, and no other watch does', async () => {
    const name = freshName('gateway');
    const kept = await watch(server.journal, name);
    const failed = Promise.withResolvers<Error>();
    await server.journal.watchLeases({
      prefix: name,
      onChange: () => {
        throw new Error('a mistake of the owner');
      },
      onFailure: failed.resolve,
    });
    const held = campaign(server.journal, { name, ttlMs: 60_000 });
    expect((await failed.promise).message).toBe('a mistake of the owner');
    await held.lease.release();
    await eventually(() => kept.told.length === 2);
    await kept.reader.stop();
  });

  it('is refused where there is no bucket', async () => {
    const bare = await startServer({ provisioned: false });
    try {
      const refused = watch(bare.journal, 'gateway.');
      await expect(refused).rejects.toMatchObject({ code: 'no-stream', exitCode: 78 });
    } finally {
      await bare.stop();
    }
  });
});

describe('leases while the server is away', () => {
  it('are waited for: lost at half their TTL, held again when it is back, and lapses are told', async () => {
    const server = await startServer();
    try {
      const ttlMs = 1_000;
      const [kept, gone] = [freshName('gateway'), freshName('gateway')];
      const { url, user, password } = server.nats;
      const candidate = startCandidate({ nats: { url, user, password }, name: gone, ttlMs });
      await eventually(() => candidate.epoch(), { withinMs: 10_000 });
      const held = campaign(server.journal, { name: kept, ttlMs });
      const epoch = await eventually(() => held.lease.epoch());
      const told = new Map<string, number | undefined>();
      const reader = await (await server.another()).watchLeases({
        prefix: 'gateway.',
        onChange: (name, view) => void told.set(name, view?.epoch),
        onFailure: (error) => expect.unreachable(error.message),
      });
      await reader.caughtUp;
      await server.nats.kill();
      await candidate.kill();
      await eventually(() => held.lost() === 1);
      expect(held.lease.epoch()).toBeUndefined();
      await server.revive();
      expect(await eventually(() => held.lease.epoch(), { withinMs: 15_000 })).toBeGreaterThan(
        epoch,
      );
      await eventually(
        () => told.get(gone) === undefined && told.get(kept) === held.gained.at(-1),
        {
          withinMs: 15_000,
        },
      );
      expect(held.lost()).toBe(1);
      // A bucket that is made anew counts from 1 again.
      await server.jsm.streams.delete('KV_WB_LEASES');
      await eventually(() => held.lost() === 2);
      await server.journal.provision();
      const again = await eventually(() => held.lease.epoch(), { withinMs: 15_000 });
      expect(again).toBeLessThan(epoch);
    } finally {
      await server.stop();
    }
  });
});
