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
import { eventually } from '@waybill/process/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { violationsOf } from '../support/invariants.ts';
import { runStories } from '../support/run-story.ts';
import { type Crew, openCrew } from './crew.fixture.ts';
import { draftRun } from './draft.fixture.ts';

const silent = 100;
const slow = 100;
const ackTimeoutMs = 8_000;

describe('deadlines that fall due while the log restarts', () => {
  let folder: string;
  let nats: NatsServer;
  let postgres: PostgresServer;
  let crew: Crew;

  beforeEach(async () => {
    folder = mkdtempSync(join(realpathSync(tmpdir()), 'waybill-deadlines-'));
    // Postgres gets another account where this is root, and has to pass.
    chmodSync(folder, 0o711);
    const binary = await findNatsServer({ path: process.env['PATH'] });
    [nats, postgres] = await Promise.all([
      startNats({ dir: join(folder, 'nats'), binary, durability: 'fast' }),
      startPostgres({ dir: join(folder, 'postgres'), logs: join(folder, 'logs') }),
    ]);
    crew = await openCrew({ nats, databaseUrl: postgres.url });
    await crew.startAll();
  });
  afterEach(async () => {
    await crew.close();
    await Promise.all([nats.stop(), postgres.stop()]);
    rmSync(folder, { recursive: true, force: true });
  });

  it('are each settled once: 100 agents that were silent lose their offers, 100 that answered meanwhile keep them', {
    timeout: 240_000,
  }, async () => {
    const { world } = crew;
    const { fleet } = world;
    const name = 'due';
    const gone = Promise.withResolvers<void>();
    await fleet.join(
      Array.from({ length: silent }, () => 'mute' as const),
      { name },
    );
    await fleet.join(
      Array.from({ length: slow }, () => 'honest' as const),
      {
        name,
        thinks: () => gone.promise,
      },
    );
    const count = silent + slow;
    await world.withJournal(async (journal) => {
      await eventually(async () => (await journal.info('WB_AGENTS')).messages >= count, {
        withinMs: 20_000,
        what: 'all are registered',
      });
      await Promise.all(
        Array.from({ length: count }, () => draftRun(journal, 'main', name, { ackTimeoutMs })),
      );
    });
    const written = (what: string): number =>
      fleet.diary.read().filter((entry) => entry.what === what).length;
    await eventually(() => written('dispatched') === count, {
      withinMs: ackTimeoutMs * 0.9,
      everyMs: 100,
      what: 'all are offered',
    });
    await world.disturbed(async () => {
      await nats.kill();
      gone.resolve();
      await world.passes(ackTimeoutMs);
      expect(written('acked')).toBe(slow);
      await nats.restart();
    });
    await world.quiet(80_000);
    const evidence = await world.evidence();
    expect(violationsOf(evidence)).toEqual([]);
    const firsts = runStories(evidence.log.WB_RUNS).map(({ end }) => end.jobs[0]?.attempts[0]);
    const of = (resolution: string): readonly string[] =>
      firsts.filter((each) => each?.resolution === resolution).map((each) => each?.agentId ?? '');
    expect(of('expired').filter((agent) => agent.startsWith('plain-mute'))).toHaveLength(silent);
    expect(of('accepted').filter((agent) => agent.startsWith('plain-honest'))).toHaveLength(slow);
  });
});
