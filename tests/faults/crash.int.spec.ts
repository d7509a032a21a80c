import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { summaryOf } from '../support/evidence-summary.ts';
import { violationsOf } from '../support/invariants.ts';
import { filesWith } from '../support/raw-files.ts';
import { type Manner, manners } from '../support/seed-agent.ts';
import { oneJobOn } from './client.fixture.ts';
import { type FaultWorld, openFaultWorld } from './fault-world.fixture.ts';
import { newSeed, randomOf } from './random.fixture.ts';

/** They keep an offer to its end, so they come when the killing is nearly over. */
const silent: readonly Manner[] = ['mute', 'tardy'];

describe('a Waybill that is killed again and again', () => {
  let world: FaultWorld;

  beforeEach(async () => {
    world = await openFaultWorld();
  });
  afterEach(() => world.close());

  it('keeps every invariant', { timeout: 240_000 }, async () => {
    const seed = newSeed();
    const random = randomOf(seed);
    let all = await world.up();
    await world.client.applyRule();
    await world.fleet.joinSdk(2);
    await world.fleet.join(manners.filter((manner) => !silent.includes(manner)));
    for (const manner of manners) await world.client.ask(oneJobOn(manner));
    for (let kills = 0; kills < 5; kills += 1) {
      await world.driven(12, random, { untilGrownBy: 10 + Math.floor(random() * 60) });
      all.kill('SIGKILL');
      expect(await all.ended).toMatchObject({ signal: 'SIGKILL' });
      if (kills === 3) await world.fleet.join(silent);
      all = await world.up();
    }
    await world.quiet(60_000);
    const evidence = await world.evidence();
    expect({ seed, violations: violationsOf(evidence) }).toEqual({ seed, violations: [] });
    // All canaries begin with it; nothing under the home may hold one, whatever it is.
    expect({ seed, files: filesWith(world.home.folder, 'canary-') }).toEqual({ seed, files: [] });
    expect(filesWith(world.home.folder, 'delivery-1')).not.toEqual([]);
    // Otherwise nothing was broken that had to hold.
    const { resolutions, events, voids } = summaryOf(evidence);
    expect(resolutions['expired ack_timeout']).toBeGreaterThan(0);
    expect(resolutions['withdrawn agent_absent']).toBeGreaterThan(0);
    expect(events['agent.resumed']).toBeGreaterThan(0);
    expect(voids['job.status after-end']).toBeGreaterThan(0);
  });
});
