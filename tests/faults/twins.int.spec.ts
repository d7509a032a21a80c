import { startTestServers } from '@waybill/embedded';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Staying } from '../e2e/waybill.fixture.ts';
import { summaryOf } from '../support/evidence-summary.ts';
import { violationsOf } from '../support/invariants.ts';
import { type Crew, openCrew, trades } from './crew.fixture.ts';
import { newSeed, randomOf } from './random.fixture.ts';

describe('two of every service at once', () => {
  let servers: Awaited<ReturnType<typeof startTestServers>>;
  let crew: Crew;

  beforeEach(async () => {
    servers = await startTestServers();
    crew = await openCrew({ nats: servers.nats, databaseUrl: servers.postgres.url }, 2);
    await crew.startAll();
  });
  afterEach(async () => {
    await crew.close();
    await servers.stop();
  });

  it('decide everything once, and so they do while one of each is killed', {
    timeout: 240_000,
  }, async () => {
    const seed = newSeed();
    const random = randomOf(seed);
    const { world } = crew;
    await world.client.applyRule();
    const seconds = (): Promise<readonly Staying[]> =>
      Promise.all(trades.map((trade) => crew.start(trade, undefined, 1)));
    let twins = await seconds();
    const replaced = async (): Promise<void> => {
      for (const twin of twins) twin.kill('SIGKILL');
      for (const twin of twins) expect(await twin.ended).toMatchObject({ signal: 'SIGKILL' });
      twins = await seconds();
    };
    await world.fleet.joinSdk(2);
    await world.fleet.join();
    for (let kills = 0; kills < 3; kills += 1) {
      await world.driven(25, random, { untilGrownBy: 60 + Math.floor(random() * 100) });
      await world.disturbed(replaced);
    }
    await world.quiet(60_000);
    for (const twin of twins) twin.kill('SIGTERM');
    for (const twin of twins) expect(await twin.ended).toMatchObject({ code: 0, signal: null });
    const evidence = await world.evidence();
    expect({ seed, violations: violationsOf(evidence) }).toEqual({ seed, violations: [] });
    const { expired } = summaryOf(evidence);
    expect({ seed, expired }).toEqual({ seed, expired: ['plain-mute', 'plain-tardy'] });
  });
});
