import { startTestServers } from '@waybill/embedded';
import { createKeyRing, seal, systemClock } from '@waybill/process';
import type { Attempt, Run } from '@waybill/protocol';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { violationsOf } from '../support/invariants.ts';
import { type Crew, openCrew } from './crew.fixture.ts';
import { draftRun, type Own } from './draft.fixture.ts';
import type { How } from './fleet.fixture.ts';

type Manners = Parameters<Crew['world']['fleet']['join']>[0];

const ackTimeoutMs = 1_500;
const firstOf = ({ jobs }: Run): Attempt | undefined => jobs[0]?.attempts[0];
const isSettled = (run: Run): boolean => (firstOf(run)?.resolution ?? null) !== null;
const hasEnded = ({ completed }: Run): boolean => completed !== null;

describe('a hole that the services close', { timeout: 60_000 }, () => {
  let servers: Awaited<ReturnType<typeof startTestServers>>;
  let crew: Crew;
  let names = 0;

  beforeAll(async () => {
    servers = await startTestServers();
    crew = await openCrew({ nats: servers.nats, databaseUrl: servers.postgres.url });
    await crew.startAll();
  }, 60_000);
  afterEach(async () => {
    await crew.world.quiet(40_000);
    expect(violationsOf(await crew.world.evidence())).toEqual([]);
  });
  afterAll(async () => {
    await crew.close();
    await servers.stop();
  });

  /** Agents, and as many runs for them. */
  const jobsFor = async (
    agents: Manners,
    { how = {}, runs = 1, ...own }: Own & Readonly<{ how?: How; runs?: number }> = {},
  ): Promise<readonly string[]> => {
    names += 1;
    const name = `hole-${names}`;
    await crew.world.fleet.join(agents, { ...how, name });
    return crew.world.withJournal((journal) =>
      Promise.all(
        Array.from({ length: runs }, () =>
          draftRun(journal, 'main', name, { ackTimeoutMs, ...own }),
        ),
      ),
    );
  };
  const ended = (run: string): Promise<Run> => crew.world.runIs(run, 'has ended', hasEnded);
  const diaryOf = (run: string) =>
    crew.world.fleet.diary.read().filter(({ runId }) => runId === run);

  it('a crash between sending and arming the deadline leaves no dispatch without a deadline', async () => {
    const { world } = crew;
    const dispatcher = crew.one('dispatcher');
    await crew.arm('dispatcher', { CRASH_AT: 'offer.appended' });
    const [run = ''] = await jobsFor(['mute']);
    expect(await dispatcher.ended).toMatchObject({ signal: 'SIGKILL' });
    // Nobody is there who could arm anything.
    await world.runIs(run, 'has its offer settled', isSettled);
    await crew.start('dispatcher');
    expect(firstOf(await ended(run))).toMatchObject({ resolution: 'expired' });
  });

  it('a crash in the middle of a sweep leaves no deadline behind', async () => {
    const scheduler = crew.one('scheduler');
    await crew.arm('scheduler', { CRASH_AT: 'expired.appended:3' });
    const runs = await jobsFor(
      Array.from({ length: 6 }, () => 'mute' as const),
      { runs: 6 },
    );
    await crew.world.disturbed(async () => {
      expect(await scheduler.ended).toMatchObject({ signal: 'SIGKILL' });
      await crew.start('scheduler');
    });
    for (const run of runs) {
      const { jobs } = await ended(run);
      expect(jobs[0]?.spent.expired).toBe(1);
    }
  });

  it('an ack between reading the due list and writing keeps its offer, and nobody else gets the job', async () => {
    const scheduler = crew.one('scheduler');
    await crew.arm('scheduler', { STOP_AT: 'due.read' });
    // It answers too late by the clock, and before anybody has written so.
    const frozen = Promise.withResolvers<void>();
    const [run = ''] = await jobsFor(['honest'], { how: { thinks: () => frozen.promise } });
    await scheduler.says('SIGSTOP at due.read');
    frozen.resolve();
    await crew.world.runIs(run, 'is accepted', (each) => firstOf(each)?.resolution === 'accepted');
    scheduler.kill('SIGCONT');
    const { jobs } = await ended(run);
    expect(jobs[0]).toMatchObject({ state: 'success', attempts: [{ attempt: 1 }] });
    expect(jobs[0]?.attempts).toHaveLength(1);
  });

  it.each([
    ['ahead', 3_600_000],
    ['behind', -3_600_000],
  ])('a host whose clock is an hour %s moves no deadline', async (_where, offMs) => {
    for (const trade of ['scheduler', 'dispatcher', 'agent-gateway'] as const) {
      crew.one(trade).kill('SIGKILL');
      await crew.start(trade, { CLOCK_OFF_MS: String(offMs) });
    }
    // An offer that was made before the watch began has more time.
    const [first = ''] = await jobsFor(['honest']);
    await ended(first);
    const [silent = ''] = await jobsFor(['mute']);
    const [slow = ''] = await jobsFor(['honest'], {
      how: { thinks: () => systemClock.sleep(ackTimeoutMs / 2) },
    });
    const attempt = firstOf(await ended(silent));
    const took = (attempt?.resolvedAt ?? 0) - (attempt?.offeredAt ?? 0);
    expect(attempt?.resolution).toBe('expired');
    expect(took).toBeGreaterThan(ackTimeoutMs);
    expect(took).toBeLessThan(ackTimeoutMs + 5_000);
    expect(firstOf(await ended(slow))).toMatchObject({ resolution: 'accepted' });
  });

  it('a hard crash leaves a running job to the agent that has it, and takes its result', async () => {
    const gateway = crew.one('agent-gateway');
    const [run = ''] = await jobsFor(['honest'], { how: { workMs: 2_500 } });
    await crew.world.runIs(run, 'runs', ({ jobs }) => jobs[0]?.state === 'running');
    await crew.world.disturbed(async () => {
      gateway.kill('SIGKILL');
      await gateway.ended;
      await crew.start('agent-gateway');
    });
    const { jobs } = await ended(run);
    expect(jobs[0]).toMatchObject({ state: 'success', attempts: [{ resolution: 'accepted' }] });
    expect(diaryOf(run).filter(({ what }) => what === 'start')).toHaveLength(1);
  });

  it('an offer whose frame was never sent, because its gateway is gone, is made again', async () => {
    const gateway = crew.one('agent-gateway');
    await crew.arm('agent-gateway', { CRASH_AT: 'offer.read' });
    const [run = ''] = await jobsFor(['honest'], { ackTimeoutMs: 20_000 });
    await crew.world.disturbed(async () => {
      expect(await gateway.ended).toMatchObject({ signal: 'SIGKILL' });
      await crew.start('agent-gateway');
    });
    const { jobs } = await ended(run);
    expect(jobs[0]).toMatchObject({
      state: 'success',
      attempts: [{ resolution: 'withdrawn' }, { resolution: 'accepted' }],
    });
    expect(diaryOf(run).filter(({ what }) => what === 'dispatched')).toHaveLength(1);
  });

  it('a dispatch that cannot be sent burns no deadline and no budget: its job fails at once and says why', async () => {
    const place = { org: 'main', run: 'another', field: 'secrets' };
    const secrets = await seal(await createKeyRing(), { TOKEN: 'x' }, place);
    const [run = ''] = await jobsFor(['honest'], { secrets, ackTimeoutMs: 60_000 });
    const { jobs } = await ended(run);
    expect(jobs[0]).toMatchObject({
      state: 'failed',
      failure: 'secrets_unreadable',
      spent: { expired: 0, rejected: 0, withdrawn: 0 },
      attempts: [{ resolution: 'withdrawn', cause: 'secrets_unreadable' }],
    });
    expect(diaryOf(run)).toEqual([]);
    const said = crew.one('agent-gateway').stdout().split('a dispatch cannot be made');
    expect(said).toHaveLength(2);
  });

  it('an agent that registers again with a job in hand is given no more than it can take', async () => {
    const runs = await jobsFor(['returning'], { runs: 2, how: { workMs: 1_000 } });
    const jobs = await Promise.all(runs.map(async (run) => (await ended(run)).jobs[0]));
    const [first, second] = jobs
      .map((job) => job?.attempts ?? [])
      .toSorted(([a], [b]) => (a?.offeredAt ?? 0) - (b?.offeredAt ?? 0));
    const firstJob = jobs.find((job) => job?.attempts === first);
    expect(first).toHaveLength(1);
    expect(second).toHaveLength(1);
    expect(second?.[0]?.offeredAt).toBeGreaterThanOrEqual(firstJob?.completedAt ?? 0);
  });
});
