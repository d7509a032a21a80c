import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Staying } from '../e2e/waybill.fixture.ts';
import { summaryOf } from '../support/evidence-summary.ts';
import { violationsOf } from '../support/invariants.ts';
import { drive } from './client.fixture.ts';
import { type FaultWorld, openFaultWorld } from './fault-world.fixture.ts';
import { newSeed, randomOf } from './random.fixture.ts';

describe('two dispatchers, two schedulers and two projectors at once', () => {
  let world: FaultWorld;

  beforeEach(async () => {
    world = await openFaultWorld();
  });
  afterEach(() => world.close());

  it('decide everything once, and so they do while one of each is killed', {
    timeout: 120_000,
  }, async () => {
    const seed = newSeed();
    const random = randomOf(seed);
    await world.up();
    await world.client.applyRule();
    const start = (): readonly Staying[] =>
      ['dispatcher', 'scheduler', 'projector'].map(world.service);
    let twins = start();
    await world.fleet.joinSdk(2);
    await world.fleet.join();
    for (let kills = 0; kills < 3; kills += 1) {
      await drive(world.client, 25, random);
      await world.logGrows(150 + Math.floor(random() * 100));
      for (const twin of twins) twin.kill('SIGKILL');
      for (const twin of twins) expect(await twin.ended).toMatchObject({ signal: 'SIGKILL' });
      twins = start();
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
