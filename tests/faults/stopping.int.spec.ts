import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { summaryOf } from '../support/evidence-summary.ts';
import { violationsOf } from '../support/invariants.ts';
import { drive } from './client.fixture.ts';
import { type FaultWorld, openFaultWorld } from './fault-world.fixture.ts';
import { newSeed, randomOf } from './random.fixture.ts';

describe('a Waybill in the middle of its work', () => {
  let world: FaultWorld;

  beforeEach(async () => {
    world = await openFaultWorld();
  });
  afterEach(() => world.close());

  it('drains within 10 s of a SIGTERM, and after the next start nothing is lost', {
    timeout: 240_000,
  }, async () => {
    const seed = newSeed();
    const random = randomOf(seed);
    let all = await world.up();
    await world.client.applyRule();
    await world.fleet.joinSdk(2, 400);
    await world.fleet.join(['honest', 'returning', 'echoing', 'contradicting'], { workMs: 400 });
    for (let stops = 0; stops < 3; stops += 1) {
      await world.driven(20, random, { untilGrownBy: 40 + Math.floor(random() * 40) });
      const askedMs = performance.now();
      all.kill('SIGTERM');
      expect(await all.ended).toMatchObject({ code: 0, signal: null });
      expect(performance.now() - askedMs).toBeLessThan(10_000);
      all = await world.up();
    }
    await world.quiet(60_000);
    const evidence = await world.evidence();
    expect({ seed, violations: violationsOf(evidence) }).toEqual({ seed, violations: [] });
    const { failures, events } = summaryOf(evidence);
    // Every agent comes back with what it has in hand: stopping in order costs no run anything.
    expect({ seed, failures }).toEqual({ seed, failures: {} });
    expect(events['agent.resumed']).toBeGreaterThan(0);
  });

  it('is frozen for 15 s and goes on', { timeout: 240_000 }, async () => {
    const seed = newSeed();
    const random = randomOf(seed);
    const all = await world.up();
    await world.client.applyRule();
    await world.fleet.joinSdk(2, 200);
    await world.fleet.join(['honest', 'returning', 'echoing', 'lying', 'busy', 'dying'], {
      workMs: 200,
    });
    await world.driven(40, random, { untilGrownBy: 20 + Math.floor(random() * 60) });
    all.kill('SIGSTOP');
    await world.passes(15_000);
    all.kill('SIGCONT');
    await drive(world.client, 10, random);
    await world.quiet(60_000);
    const evidence = await world.evidence();
    expect({ seed, violations: violationsOf(evidence) }).toEqual({ seed, violations: [] });
    // Their answers lay unread for longer than they had time: that is no agent's silence.
    expect({ seed, expired: summaryOf(evidence).expired }).toEqual({ seed, expired: [] });
  });
});
