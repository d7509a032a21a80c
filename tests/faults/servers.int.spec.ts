import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { violationsOf } from '../support/invariants.ts';
import { drive } from './client.fixture.ts';
import { type FaultWorld, openFaultWorld } from './fault-world.fixture.ts';
import { newSeed, randomOf } from './random.fixture.ts';

/** Where Postgres keeps the data of a home whose folder its account cannot enter. */
function postgresFolder(home: string): string {
  try {
    return readFileSync(join(home, 'postgres', 'location'), 'utf8').trim();
  } catch {
    return join(home, 'postgres');
  }
}

const folders = {
  'nats-server': (home: string) => `-c ${join(home, 'nats', 'nats.conf')}`,
  Postgres: (home: string) => `-D ${join(postgresFolder(home), 'data')}`,
};

/** The server of this home alone: its command line names its folder. */
function serverOf(home: string, name: keyof typeof folders): number {
  const lines = execFileSync('ps', ['-axo', 'pid=,command='], { encoding: 'utf8' }).split('\n');
  const found = lines.find((line) => line.includes(folders[name](home)));
  return Number(/^ *(\d+)/.exec(found ?? '')?.[1] ?? 0);
}

describe('a Waybill whose own server is killed', () => {
  let world: FaultWorld;

  beforeEach(async () => {
    world = await openFaultWorld();
  });
  afterEach(() => world.close());

  it.each(['nats-server', 'Postgres'] as const)(
    'ends saying that it was %s, and has lost nothing after the next start',
    {
      timeout: 240_000,
    },
    async (name) => {
      const seed = newSeed();
      const random = randomOf(seed);
      const all = await world.up();
      await world.client.applyRule();
      await world.fleet.joinSdk(2);
      await world.fleet.join(['honest', 'returning', 'echoing', 'lying', 'contradicting']);
      await world.driven(30, random, { untilGrownBy: 20 + Math.floor(random() * 60) });
      const pid = serverOf(world.home.folder, name);
      expect(pid).toBeGreaterThan(0);
      process.kill(pid, 'SIGKILL');
      const { code, stderr } = await all.ended;
      expect({ code, says: stderr.includes(`${name} has ended`) }).toEqual({
        code: 69,
        says: true,
      });
      await world.up();
      await drive(world.client, 5, random);
      await world.quiet(60_000);
      const violations = violationsOf(await world.evidence());
      expect({ seed, violations }).toEqual({ seed, violations: [] });
    },
  );
});
