import { join } from 'node:path';
import { startTestServers } from '@waybill/embedded';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Staying } from '../e2e/waybill.fixture.ts';
import { violationsOf } from '../support/invariants.ts';
import { oneJobOn } from './client.fixture.ts';
import { type Crew, openCrew, type Trade } from './crew.fixture.ts';
import { draftRun } from './draft.fixture.ts';

describe('one of two that is frozen between reading and writing', () => {
  let servers: Awaited<ReturnType<typeof startTestServers>>;
  let crew: Crew;

  beforeAll(async () => {
    servers = await startTestServers();
    crew = await openCrew({ nats: servers.nats, databaseUrl: servers.postgres.url });
    await crew.startAll();
    await crew.world.fleet.joinSdk(2);
  }, 60_000);
  afterAll(async () => {
    await crew.close();
    await servers.stop();
  });

  /** Two in the place of one. Both work until whoever gets there first stands still. */
  const frozenAt = async (trade: Trade, place: string, provoke: () => Promise<void>) => {
    crew.one(trade).kill('SIGKILL');
    const fault = { STOP_AT: place, FAULT_ONCE: join(crew.world.home.folder, `${trade}.hit`) };
    const twins = [await crew.start(trade, fault), await crew.start(trade, fault)] as const;
    await provoke();
    const hit = twins.map(async (each) => {
      await each.says(`SIGSTOP at ${place}`, 60_000);
      return each;
    });
    const one = await Promise.any(hit);
    for (const each of hit) each.catch(() => undefined);
    return { one, other: twins[0] === one ? twins[1] : twins[0] };
  };
  const goesOn = async ({ one, other }: Readonly<{ one: Staying; other: Staying }>) => {
    one.kill('SIGCONT');
    await crew.world.quiet(60_000);
    // The twins of the next test are others.
    for (const each of [one, other]) {
      each.kill('SIGTERM');
      expect(await each.ended).toMatchObject({ code: 0 });
    }
    const evidence = await crew.world.evidence();
    expect(violationsOf(evidence)).toEqual([]);
  };

  it('a scheduler that reads what is due, and writes when another has settled it, doubles nothing', {
    timeout: 240_000,
  }, async () => {
    const { world } = crew;
    await world.fleet.join(
      Array.from({ length: 12 }, () => 'mute' as const),
      { name: 'due' },
    );
    let runs: readonly string[] = [];
    const twins = await frozenAt('scheduler', 'due.read', async () => {
      runs = await world.withJournal((journal) =>
        Promise.all(
          // One after the other: where both look, either may come first.
          Array.from({ length: 12 }, (_, number) =>
            draftRun(journal, 'main', 'due', { ackTimeoutMs: 2_000 + number * 170 }),
          ),
        ),
      );
    });
    for (const run of runs)
      await world.runIs(
        run,
        'has its first offer settled',
        ({ jobs }) => jobs[0]?.attempts[0]?.resolution === 'expired',
        60_000,
      );
    await goesOn(twins);
    for (const run of runs) {
      const { jobs } = await world.runIs(run, 'has ended', ({ completed }) => completed !== null);
      expect(jobs[0]?.spent.expired).toBe(1);
    }
  });

  it('a dispatcher that has made an offer, and sends it when another has made it, doubles nothing', {
    timeout: 240_000,
  }, async () => {
    const { world } = crew;
    const twins = await frozenAt('dispatcher', 'decision.drafted/job.offered', async () => {
      for (let asked = 0; asked < 12; asked += 1) await world.client.ask(oneJobOn('any'));
    });
    // All of them, also the one that stands still in the hands of the other.
    await world.quiet(60_000);
    await goesOn(twins);
  });
});
