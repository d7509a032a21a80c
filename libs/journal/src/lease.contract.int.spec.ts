import { createLogger, systemClock } from '@waybill/process';
import { eventually } from '@waybill/process/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer, type TestServer } from './journal.fixture.ts';
import { type Journal, openJournal } from './journal.ts';
import { campaign, freshName, overlaps, skippingClock, startCandidate } from './lease.fixture.ts';

const ttlMs = 1_000;
const silent = createLogger({ name: 'journal-spec', level: 'silent' });
const subjectOf = (name: string): string => `$KV.WB_LEASES.${name}`;

describe('a lease', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server?.stop());

  const recordOf = async (name: string) => {
    const found = await server.jsm.streams.getMessage('KV_WB_LEASES', {
      last_by_subj: subjectOf(name),
    });
    return found === null ? undefined : { seq: found.seq, value: found.string() };
  };
  const onClock = (clock: ReturnType<typeof skippingClock>): Promise<Journal> => {
    const { url, user, password } = server.nats;
    return openJournal({ nats: { url, user, password }, name: 'frozen', clock, log: silent });
  };

  it('is held by one of many, under the sequence that took it, through all renewals', async () => {
    const name = freshName();
    const journals = [server.journal, await server.another(), await server.another()];
    const all = journals.map((journal) => campaign(journal, { name, ttlMs }));
    const [epoch] = await eventually(() => {
      const gained = all.flatMap((each) => each.gained);
      return gained.length > 0 && gained;
    });
    await eventually(async () => {
      const record = await recordOf(name);
      return record !== undefined && record.seq > (epoch ?? 0) + 8 && record;
    });
    expect(all.flatMap(({ lease }) => lease.epoch() ?? [])).toEqual([epoch]);
    expect(all.flatMap(({ gained }) => gained)).toEqual([epoch]);
    expect(all.map(({ lost }) => lost())).toEqual([0, 0, 0]);
    await Promise.all(all.map(({ lease }) => lease.release()));
  });

  it('goes to the next one at once when it is released, with a greater epoch', async () => {
    const name = freshName();
    const other = await server.another();
    const first = campaign(server.journal, { name, ttlMs: 60_000 });
    const epoch = await eventually(() => first.lease.epoch());
    const next = campaign(other, { name, ttlMs: 60_000 });
    await eventually(async () => (await recordOf(name))?.seq);
    const startedMs = systemClock.monotonicMs();
    await first.lease.release();
    expect(first.lease.epoch()).toBeUndefined();
    const later = await eventually(() => next.lease.epoch(), { everyMs: 1 });
    expect(systemClock.monotonicMs() - startedMs).toBeLessThan(500);
    expect(later).toBeGreaterThan(epoch);
    expect(first.lost()).toBe(0);
    await next.lease.release();
    await eventually(async () => (await recordOf(name)) === undefined);
  });

  it('goes to the next one when its holder is gone, once the TTL has passed', async () => {
    const name = freshName();
    const { url, user, password } = server.nats;
    const holder = startCandidate({ nats: { url, user, password }, name, ttlMs });
    const epoch = await eventually(() => holder.epoch(), { withinMs: 10_000 });
    const markedMs: number[] = [];
    const reader = await server.journal.watchLeases({
      prefix: name,
      onChange: (_, held) => {
        if (held === undefined) markedMs.push(systemClock.monotonicMs());
      },
      onFailure: (error) => expect.unreachable(error.message),
    });
    const gainedMs: number[] = [];
    const lease = (await server.another()).lease({
      name,
      holder: 'next',
      ttlMs,
      onGained: () => gainedMs.push(systemClock.monotonicMs()),
    });
    await holder.kill();
    expect(await eventually(() => lease.epoch())).toBeGreaterThan(epoch);
    await eventually(() => markedMs.length > 0);
    expect((gainedMs[0] ?? 0) - (markedMs[0] ?? 0)).toBeLessThan(100);
    await reader.stop();
    await lease.release();
  });

  it('is not trusted for longer than half its TTL after the start of the last renewal', async () => {
    const name = freshName();
    const clock = skippingClock();
    const journal = await onClock(clock);
    const held = campaign(journal, { name, ttlMs: 10_000 });
    await eventually(() => held.lease.epoch());
    clock.skip(5_000);
    expect(held.lease.epoch()).toBeUndefined();
    // Nobody has taken it meanwhile: it is held anew, under another epoch.
    const [first, second] = await eventually(() => held.gained.length === 2 && held.gained, {
      withinMs: 10_000,
    });
    expect(second).toBeGreaterThan(first ?? Number.POSITIVE_INFINITY);
    expect(held.lost()).toBe(1);
    await journal.close();
  });

  it('is lost, and campaigned for again, when somebody else has it or takes it away', async () => {
    const name = freshName();
    const held = campaign(server.journal, { name, ttlMs: 60_000 });
    await eventually(() => held.lease.epoch());
    await server.jsm.streams.purge('KV_WB_LEASES', { filter: subjectOf(name) });
    server.raw.publish(subjectOf(name), JSON.stringify({ holder: 'an operator' }));
    await eventually(() => held.lost() === 1);
    expect(held.lease.epoch()).toBeUndefined();
    await server.jsm.streams.purge('KV_WB_LEASES', { filter: subjectOf(name) });
    server.raw.publish(subjectOf(name), '', { headers: await markHeaders() });
    await eventually(() => held.lease.epoch());
    expect(held.gained).toHaveLength(2);
    await held.lease.release();
  });

  it('refuses a name that is no subject and a TTL under a second', () => {
    const lease = (name: string, ms: number) => () =>
      server.journal.lease({ name, holder: 'spec', ttlMs: ms });
    for (const name of ['', 'a.', '.a', 'a b', 'a.*', 'a.>', 'x'.repeat(65)])
      expect(lease(name, 1_000)).toThrow(TypeError);
    expect(lease('a', 999)).toThrow(RangeError);
  });

  it('is given up when the journal closes', async () => {
    const name = freshName();
    const journal = await server.another();
    const held = campaign(journal, { name, ttlMs: 60_000 });
    await eventually(() => held.lease.epoch());
    await journal.close();
    expect(held.lease.epoch()).toBeUndefined();
    const next = campaign(server.journal, { name, ttlMs: 60_000 });
    await eventually(() => next.lease.epoch());
    await next.lease.release();
  });

  it('is never held by two processes at one instant, however they freeze', async () => {
    const name = freshName();
    const { url, user, password } = server.nats;
    const options = { nats: { url, user, password }, name, ttlMs };
    const candidates = [1, 2, 3].map(() => startCandidate(options));
    const holder = () => candidates.find((each) => each.epoch() !== undefined);
    const frozen: (typeof candidates)[number][] = [];
    try {
      for (let round = 0; round < 5; round++) {
        const one = await eventually(holder, { withinMs: 10_000, everyMs: 1 });
        one.freeze();
        frozen.push(one);
        const epoch = one.epoch() ?? 0;
        // Another one holds it while the first still believes that it does; then the first goes on where it stood.
        const next = await eventually(
          () => candidates.find((each) => each !== one && (each.epoch() ?? 0) > epoch),
          { withinMs: 10_000 },
        );
        one.thaw();
        const seen = one.samples.length;
        const later = next.samples.length;
        await eventually(() => next.samples.length > later + 100);
        expect(one.samples.slice(seen).filter((sample) => sample.epoch > epoch)).toEqual([]);
      }
    } finally {
      await Promise.all(candidates.map((each) => each.kill()));
    }
    const samples = candidates.flatMap((each) => each.samples);
    expect(overlaps(samples)).toEqual([]);
    expect(new Set(samples.map(({ epoch }) => epoch)).size).toBeGreaterThan(5);
    expect(new Set(frozen).size).toBeGreaterThan(1);
  });

  const markHeaders = async () => {
    const { headers } = await import('@nats-io/transport-node');
    const mark = headers();
    mark.set('KV-Operation', 'DEL');
    mark.set('Nats-TTL', '1s');
    return mark;
  };
});
