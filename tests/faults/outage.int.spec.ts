import { chmodSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  findNatsServer,
  type NatsServer,
  type PostgresServer,
  startNats,
  startPostgres,
} from '@waybill/embedded';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { summaryOf } from '../support/evidence-summary.ts';
import { violationsOf } from '../support/invariants.ts';
import { drive } from './client.fixture.ts';
import { type FaultWorld, openFaultWorld } from './fault-world.fixture.ts';
import { newSeed, randomOf } from './random.fixture.ts';

describe('a Waybill whose servers are killed and come back', () => {
  let folder: string;
  let nats: NatsServer;
  let postgres: PostgresServer;
  let world: FaultWorld;

  beforeEach(async () => {
    folder = mkdtempSync(join(realpathSync(tmpdir()), 'waybill-outage-'));
    // Postgres gets another account where this is root, and has to pass.
    chmodSync(folder, 0o711);
    const binary = await findNatsServer({ path: process.env['PATH'] });
    [nats, postgres] = await Promise.all([
      startNats({ dir: join(folder, 'nats'), binary, durability: 'fast' }),
      startPostgres({ dir: join(folder, 'postgres'), logs: join(folder, 'logs') }),
    ]);
    world = await openFaultWorld({
      env: {
        NATS_URL: nats.url,
        NATS_USER: nats.user,
        NATS_PASSWORD: nats.password,
        DATABASE_URL: postgres.url,
      },
    });
  });
  afterEach(async () => {
    await world.close();
    await Promise.all([nats.stop(), postgres.stop()]);
    rmSync(folder, { recursive: true, force: true });
  });

  it('goes on by itself', { timeout: 240_000 }, async () => {
    const seed = newSeed();
    const random = randomOf(seed);
    const all = await world.up();
    const over = all.ended.then((ended) => ended.code);
    await world.client.applyRule();
    await world.fleet.joinSdk(2);
    await world.fleet.join();
    for (const [server, downMs] of [
      [nats, random() * 4_000],
      [postgres, random() * 4_000],
      [nats, 12_000],
    ] as const) {
      await world.driven(20, random, { untilGrownBy: 40 + Math.floor(random() * 60) });
      await server.kill();
      await drive(world.client, 8, random);
      await world.passes(downMs);
      await server.restart();
    }
    const ended = over.then((code) => Promise.reject(new Error(`it ended with ${code}`)));
    await Promise.race([world.quiet(60_000), ended]);
    const evidence = await world.evidence();
    expect({ seed, violations: violationsOf(evidence) }).toEqual({ seed, violations: [] });
    const { answers, expired } = summaryOf(evidence);
    expect((answers['0'] ?? 0) + (answers['503'] ?? 0)).toBeGreaterThan(0);
    // Only who is silent lets an offer expire, whatever the log was doing when the others answered.
    expect({ seed, expired }).toEqual({ seed, expired: ['plain-mute', 'plain-tardy'] });
  });
});
