/**
 * Breaks a Waybill for as long as it is told to, one fault after the other in an order from a seed, and checks every invariant
 * after each round. Not part of the suite: `node tests/faults/soak.ts --minutes 10 --seed 7`. Ends with 1 at the first violation.
 */
import { parseArgs } from 'node:util';
import { systemClock } from '@waybill/process';
import type { Staying } from '../e2e/waybill.fixture.ts';
import { summaryOf } from '../support/evidence-summary.ts';
import { violationsOf } from '../support/invariants.ts';
import { type FaultWorld, openFaultWorld } from './fault-world.fixture.ts';
import { newSeed, type Random, randomOf } from './random.fixture.ts';

const { values } = parseArgs({
  options: { minutes: { type: 'string' }, seed: { type: 'string' } },
});
const minutes = Number(values.minutes ?? '10');
const seed = values.seed === undefined ? newSeed() : Number(values.seed);

const say = (text: string): void => void process.stdout.write(`${text}\n`);

type Fault = (world: FaultWorld, all: Staying, random: Random) => Promise<Staying>;

const faults: Readonly<Record<string, Fault>> = {
  kill: async (world, all) => {
    all.kill('SIGKILL');
    await all.ended;
    return world.up();
  },
  stop: async (world, all) => {
    all.kill('SIGTERM');
    await all.ended;
    return world.up();
  },
  freeze: async (world, all, random) => {
    all.kill('SIGSTOP');
    await world.passes(random() * 20_000);
    all.kill('SIGCONT');
    return all;
  },
  'kill a twin': async (world, all, random) => {
    const name = ['dispatcher', 'scheduler', 'projector'][Math.floor(random() * 3)] ?? 'scheduler';
    const twin = world.service(name);
    await world.passes(1_000 + random() * 4_000);
    twin.kill('SIGKILL');
    await twin.ended;
    return all;
  },
  'freeze a twin': async (world, all, random) => {
    const twin = world.service(random() < 0.5 ? 'dispatcher' : 'scheduler');
    await world.passes(1_000 + random() * 3_000);
    twin.kill('SIGSTOP');
    await world.passes(random() * 10_000);
    twin.kill('SIGCONT');
    await world.passes(1_000);
    twin.kill('SIGTERM');
    await twin.ended;
    return all;
  },
};

async function round(random: Random): Promise<boolean> {
  const world = await openFaultWorld();
  try {
    let all = await world.up();
    await world.client.applyRule();
    await world.fleet.joinSdk(2);
    await world.fleet.join();
    for (let broken = 0; broken < 6; broken += 1) {
      await world.driven(15, random, { untilGrownBy: 10 + Math.floor(random() * 60) });
      const names = Object.keys(faults);
      const name = names[Math.floor(random() * names.length)] ?? '';
      say(`  ${name}`);
      all = (await faults[name]?.(world, all, random)) ?? all;
    }
    await world.quiet(120_000);
    const evidence = await world.evidence();
    say(`  ${JSON.stringify(summaryOf(evidence))}`);
    const violations = violationsOf(evidence);
    for (const { invariant, seq, what } of violations) say(`  ${invariant} @${seq}: ${what}`);
    return violations.length === 0;
  } finally {
    await world.close();
  }
}

const random = randomOf(seed);
const endsAtMs = systemClock.monotonicMs() + minutes * 60_000;
say(`seed ${seed}`);
for (let number = 1; systemClock.monotonicMs() < endsAtMs; number += 1) {
  say(`round ${number}`);
  if (await round(random)) continue;
  process.exitCode = 1;
  break;
}
