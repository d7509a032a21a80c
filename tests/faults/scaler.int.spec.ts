/** A scaler and the agents that it makes, as processes: killed, doubled, and torn down while a dispatch is on its way to them. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startTestServers } from '@waybill/embedded';
import { eventually } from '@waybill/process/testing';
import { type AgentEvent, type Run, readAgentMessage, subjects } from '@waybill/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Staying } from '../e2e/waybill.fixture.ts';
import { violationsOf } from '../support/invariants.ts';
import { type ScaledAgent, scaledAgents } from '../support/scaled-agents.ts';
import { type Crew, openCrew } from './crew.fixture.ts';

const hasEnded = ({ completed }: Run): boolean => completed !== null;

describe('a scaler', { timeout: 180_000 }, () => {
  let servers: Awaited<ReturnType<typeof startTestServers>>;
  let crew: Crew;
  let pool = '';
  let count = 0;
  const scalers: Staying[] = [];

  beforeAll(async () => {
    servers = await startTestServers();
    crew = await openCrew({ nats: servers.nats, databaseUrl: servers.postgres.url });
    await crew.startAll();
  }, 90_000);
  beforeEach(() => {
    count += 1;
    pool = `pool${count}`;
  });
  afterEach(async () => {
    for (const scaler of scalers.splice(0)) {
      scaler.kill('SIGTERM');
      await scaler.ended;
    }
    expect(scaledAgents(crew.world.home.folder)).toEqual([]);
    await crew.world.quiet(40_000);
    expect(violationsOf(await crew.world.evidence())).toEqual([]);
  });
  afterAll(async () => {
    await crew.close();
    await servers.stop();
  });

  const started = async (change: object = {}): Promise<Staying> => {
    const file = join(crew.world.home.folder, 'pools.json');
    const own = { name: pool, labels: [pool], max: 3, idleTimeout: '60s', ...change };
    await writeFile(file, JSON.stringify({ pools: [own] }));
    const scaler = await crew.start('scaler');
    scalers.push(scaler);
    return scaler;
  };
  const effects = (): string => join(crew.world.home.folder, `${pool}.effects`);
  const effectsSoFar = async (): Promise<readonly string[]> =>
    (await readFile(effects(), 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');
  /** Jobs that say when they begin and when they have done what they do. */
  const asked = async (jobs: number, own: object = {}, seconds = 0): Promise<string> => {
    const run = `echo "begins $NAME" >> "$EFFECTS"; sleep ${seconds}; echo "done $NAME" >> "$EFFECTS"`;
    count += 1;
    const { client } = crew.world;
    await client.ask(
      Array.from({ length: jobs }, (_, index) => ({
        name: `job-${index}`,
        runsOn: [pool],
        steps: [{ name: 'work', run, env: { EFFECTS: effects(), NAME: `${count}-${index}` } }],
        ...own,
      })),
    );
    await eventually(() => client.open() === 0, { withinMs: 10_000, what: 'the run is asked for' });
    return client.ledger.at(-1)?.told?.runIds[0] ?? '';
  };
  const running = (): readonly ScaledAgent[] => scaledAgents(crew.world.home.folder);
  const runners = (number: number): Promise<readonly ScaledAgent[]> =>
    eventually(() => running().length === number && running(), {
      withinMs: 30_000,
      what: `${number} runners`,
    });
  const ended = (run: string): Promise<Run> => crew.world.runIs(run, 'has ended', hasEnded, 60_000);
  const spawned = (): Promise<readonly Extract<AgentEvent, { type: 'spawned' }>[]> =>
    crew.world.withJournal(async (journal) => {
      const stored = await journal.load('WB_AGENTS', subjects.agentsEvent('main', 'spawned'));
      const events = stored.flatMap((message) => readAgentMessage(message) ?? []);
      return events.flatMap((event) =>
        event.type === 'spawned' && event.body.pool === pool ? [event] : [],
      );
    });
  /** An agent that has done a job, and waits for more. */
  const idleAgent = async (): Promise<ScaledAgent> => {
    await started();
    await ended(await asked(1));
    const [agent] = await runners(1);
    if (agent === undefined) throw new Error('no agent');
    return agent;
  };
  /** Done once, by another agent than the first, at the stated cost. */
  const isDoneByAnother = async (
    run: string,
    first: ScaledAgent,
    resolution: 'withdrawn' | 'expired',
  ): Promise<void> => {
    const { jobs } = await ended(run);
    const [job] = jobs;
    expect(job).toMatchObject({
      state: 'success',
      spent: { expired: 0, rejected: 0, withdrawn: 0, [resolution]: 1 },
      attempts: [{ agentId: first.agentId, resolution }, { resolution: 'accepted' }],
    });
    expect(job?.attempts[1]?.agentId).not.toBe(first.agentId);
    // One line of each kind for the job that made the agent, and one for this.
    expect(await effectsSoFar()).toHaveLength(4);
    expect(new Set(await effectsSoFar()).size).toBe(4);
    expect((await spawned()).map(({ body }) => body.jobIds)).toContainEqual([job?.spec.jobId]);
  };

  it('whose agent is torn down before the frame is written to it: the offer is withdrawn at once, and another agent does the job once', async () => {
    const first = await idleAgent();
    await crew.arm('agent-gateway', { STOP_AT: 'offer.read' });
    const run = await asked(1);
    await crew.one('agent-gateway').says('SIGSTOP at offer.read');
    process.kill(first.pid, 'SIGKILL');
    await eventually(() => !running().some(({ pid }) => pid === first.pid));
    crew.one('agent-gateway').kill('SIGCONT');
    await isDoneByAnother(run, first, 'withdrawn');
  });

  it('whose agent is torn down behind the frame, which it has not read: the same', async () => {
    const first = await idleAgent();
    process.kill(first.pid, 'SIGSTOP');
    await crew.arm('agent-gateway', { STOP_AT: 'frame.sent' });
    const run = await asked(1);
    await crew.one('agent-gateway').says('SIGSTOP at frame.sent');
    process.kill(first.pid, 'SIGKILL');
    await eventually(() => !running().some(({ pid }) => pid === first.pid));
    crew.one('agent-gateway').kill('SIGCONT');
    await isDoneByAnother(run, first, 'withdrawn');
  });

  it('whose agent hangs on its way out: the offer expires, and another agent does the job once', async () => {
    const first = await idleAgent();
    process.kill(first.pid, 'SIGSTOP');
    const run = await asked(1, { ackTimeoutMs: 1_500 });
    await crew.world.runIs(run, 'is offered again', ({ jobs }) => jobs[0]?.attempts.length === 2);
    // What it finds in its socket by then is nobody's word any more.
    process.kill(first.pid, 'SIGCONT');
    await isDoneByAnother(run, first, 'expired');
  });

  it('that is killed and started again leaves no runner behind, and does no job twice', async () => {
    const scaler = await started();
    const run = await asked(6, {}, 5);
    await eventually(async () => (await effectsSoFar()).length >= 3, { withinMs: 30_000 });
    const [frozen, ...others] = await runners(3);
    if (frozen === undefined) throw new Error('no agent');
    process.kill(frozen.pid, 'SIGSTOP');
    await crew.world.disturbed(async () => {
      scaler.kill('SIGKILL');
      await scaler.ended;
      // The others have noticed by themselves.
      expect(await runners(1)).toEqual([frozen]);
      const again = await started();
      await again.says('an agent of a scaler that is gone is killed');
      expect(running().map(({ agentId }) => agentId)).not.toContain(frozen.agentId);
      await ended(run);
    });
    const old = new Set([frozen, ...others].map(({ agentId }) => agentId));
    expect(running().filter(({ agentId }) => old.has(agentId))).toEqual([]);
    const { jobs } = await ended(run);
    // What had begun is lost with its agent, and what had not is done by another.
    const lost = jobs.filter(({ failure }) => failure === 'agent_lost');
    expect([lost.length, jobs.filter(({ state }) => state === 'success').length]).toEqual([3, 3]);
    const begun = (await effectsSoFar()).filter((line) => line.startsWith('begins'));
    expect(begun).toHaveLength(6);
    expect(new Set(begun).size).toBe(6);
  });

  it('of which there are two makes no agent twice, and when one goes the other goes on', async () => {
    await Promise.all([started(), started()]);
    await ended(await asked(5));
    const first = await spawned();
    expect(first.length).toBeGreaterThan(0);
    expect(first.length).toBeLessThanOrEqual(3);
    const makers = new Set(first.map(({ body }) => body.by));
    expect(makers.size).toBe(1);
    const [maker = ''] = makers;
    const holder = scalers.find((each) => each.stdout().includes(`"holder":"${maker}"`));
    holder?.kill('SIGTERM');
    expect(await holder?.ended).toMatchObject({ code: 0 });
    const { jobs } = await ended(await asked(1));
    expect(jobs[0]?.state).toBe('success');
    expect(new Set((await spawned()).map(({ body }) => body.by)).size).toBe(2);
  });

  it('whose agents cannot come up says so, tries one after the other and less often, and goes on when they can', async () => {
    const scaler = await started({ startTimeout: '10s' });
    crew.one('agent-gateway').kill('SIGTERM');
    await crew.one('agent-gateway').ended;
    const run = await asked(3);
    await crew.world.disturbed(async () => {
      const failures = () =>
        [...scaler.stdout().matchAll(/"failures":(\d+)/g)].map(([, number]) => Number(number));
      await eventually(() => failures().includes(2), { withinMs: 60_000, what: 'two failures' });
      expect(scaler.stdout()).toContain('an agent did not come to work');
      // Three at once at first, for three jobs; then one at a time.
      expect((await spawned()).length).toBeLessThanOrEqual(4);
      await crew.start('agent-gateway');
      const { jobs } = await ended(run);
      expect(jobs.map(({ state }) => state)).toEqual(['success', 'success', 'success']);
    });
  });
});
