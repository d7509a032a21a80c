import {
  type AgentEvent,
  evolveRun,
  initialRun,
  type Run,
  type RunEvent,
  wasVoid,
} from '@waybill/protocol';
import { history, JOB, ORG, RUN, START } from '@waybill/protocol/fixtures';
import { describe, expect, it } from 'vitest';
import { slotScaler } from './scaler.ts';
import { createScalerDesk, type Failure } from './scaler-desk.ts';
import { poolNamed } from './situation.fixture.ts';

const LEASE = 'gateway.g.1';
type AgentBody<T extends AgentEvent['type']> =
  Extract<AgentEvent, { type: T }> extends { body: infer B } ? B : never;

const spawnBody = (pool: string, by: string): AgentBody<'spawned'> => ({
  agentId: 'p-9',
  pool,
  jobIds: [JOB],
  standing: false,
  labels: ['linux'],
  maxConcurrency: 1,
  by,
});

function told(change: Parameters<typeof poolNamed>[1] = {}) {
  const pool = poolNamed('p', change);
  const failures: Failure[] = [];
  const desk = createScalerDesk({
    org: ORG,
    by: 'me',
    pools: [{ pool, scaler: slotScaler(pool) }],
    onFailure: (failure) => failures.push(failure),
  });
  const run = history();
  let folded: Run = initialRun;
  let seq = 0;
  let at = START;

  const tell = (event: RunEvent): void => {
    folded = evolveRun(folded, event);
    desk.heardRun(event, folded, wasVoid(folded, event.seq));
  };
  const agent = <T extends Exclude<AgentEvent['type'], 'unreadable'>>(
    type: T,
    agentId: string,
    body: AgentBody<T>,
  ): number => {
    seq += 1;
    const id = `a${seq}`;
    const place = { org: ORG, agentToken: agentId, seq, at, id, gateway: 'g/1' };
    const meta = { id, source: 'test', agentId };
    // The body is that of the type: the two parameters are tied above.
    desk.heardAgent({ ...place, scalerManaged: true, meta, type, body } as AgentEvent);
    return seq;
  };
  desk.heardGateway(LEASE, true);
  const queued = (count = 1): void => {
    tell(run.created(Array.from({ length: count }, (_, index) => ({ name: `j${index}` }))));
    at = run.at();
  };
  return {
    desk,
    run,
    tell,
    agent,
    failures,
    queued,
    now: () => at,
    pass: (ms: number) => {
      at += ms;
    },
    starts: () => desk.plan(at).starts,
    spawn: (agentId: string, jobIds: readonly string[] = [JOB]) =>
      desk.starting({ agentId, seq: ++seq, pool: 'p', jobIds, isStanding: false }, at),
    registers: (agentId: string) =>
      agent('registered', agentId, { agentId, labels: ['linux'], maxConcurrency: 1 }),
  };
}

describe('a desk', () => {
  it('starts an agent for a queued job, counts it while it comes, and trusts it when it is there', () => {
    const world = told();
    world.desk.begin();
    world.queued();
    expect(world.starts()).toEqual([{ pool: 'p', jobIds: [JOB], isStanding: false }]);
    world.spawn('p-1');
    world.pass(2_000);
    expect(world.starts()).toEqual([]);
    const session = world.registers('p-1');
    expect(world.starts()).toEqual([]);
    world.tell(world.run.offered(1, session, JOB, 'p-1'));
    expect(world.starts()).toEqual([]);
    expect(world.failures).toEqual([]);
  });

  it('starts another one when the agent is gone with the offer on its way', () => {
    const world = told();
    world.desk.begin();
    world.queued();
    world.spawn('p-1');
    const session = world.registers('p-1');
    world.tell(world.run.offered(1, session, JOB, 'p-1'));
    world.desk.ended('p-1', 'exit code 0', world.now());
    world.tell(
      world.run.add(
        'agent.lost',
        { code: 1006, scalerManaged: true },
        {
          jobId: JOB,
          attempt: 1,
          session,
          agentId: 'p-1',
        },
      ),
    );
    world.pass(1_000);
    expect(world.starts()).toEqual([{ pool: 'p', jobIds: [JOB], isStanding: false }]);
    expect(world.failures).toEqual([]);
  });

  it('offers no slot of one that says it goes, or that let an offer expire', () => {
    for (const word of ['draining', 'expired'] as const) {
      const world = told();
      world.desk.begin();
      world.queued();
      world.spawn('p-1');
      const session = world.registers('p-1');
      world.tell(world.run.offered(1, session, JOB, 'p-1'));
      if (word === 'expired') world.tell(world.run.expired(1));
      else
        world.tell(
          world.run.add(
            'job.reject',
            { reason: 'draining' },
            {
              jobId: JOB,
              attempt: 1,
              session,
              agentId: 'p-1',
            },
          ),
        );
      world.pass(60_000);
      expect(world.starts(), word).toHaveLength(1);
      world.registers('p-1');
      expect(world.starts(), word).toHaveLength(0);
    }
  });

  it('counts one that did not register in time as failed, gives it up, and tries again later', () => {
    const world = told();
    world.desk.begin();
    world.queued();
    world.spawn('p-1');
    world.pass(30_000);
    expect(world.desk.plan(world.now()).gone).toEqual([]);
    world.pass(1);
    const plan = world.desk.plan(world.now());
    expect(plan.gone).toEqual(['p-1']);
    expect(plan.starts).toEqual([]);
    expect(plan.stuck).toMatchObject([{ pool: 'p', jobIds: [JOB] }]);
    expect(world.failures).toMatchObject([{ agentId: 'p-1', failures: 1 }]);
    expect(world.desk.trouble()).toContain('pool p');
    world.pass(1_000);
    expect(world.starts()).toHaveLength(1);
  });

  it('counts one whose process ends before it registers as failed at once', () => {
    const world = told();
    world.desk.begin();
    world.queued();
    world.spawn('p-1');
    world.desk.ended('p-1', 'its process ended with exit code 78', world.now());
    expect(world.failures).toMatchObject([{ why: 'its process ended with exit code 78' }]);
  });

  it('counts one that leaves without the job that still waits as failed, and no other', () => {
    const world = told();
    world.desk.begin();
    world.queued();
    world.spawn('p-1');
    world.registers('p-1');
    world.desk.ended('p-1', 'exit code 0', world.now());
    expect(world.failures).toMatchObject([{ agentId: 'p-1' }]);
    world.spawn('p-2', ['another']);
    world.registers('p-2');
    world.desk.ended('p-2', 'exit code 0', world.now());
    expect(world.failures).toHaveLength(1);
  });

  it('forgives a pool when one of its agents works', () => {
    const world = told();
    world.desk.begin();
    world.queued();
    world.spawn('p-1');
    world.desk.ended('p-1', 'exit code 1', world.now());
    world.spawn('p-2');
    const session = world.registers('p-2');
    expect(world.desk.trouble()).toBeDefined();
    world.tell(world.run.offered(1, session, JOB, 'p-2'));
    expect(world.desk.trouble()).toBeUndefined();
  });

  it('counts the agents of another scaler, and gives up soon those of it that never come', () => {
    const world = told({ max: 1 });
    world.queued();
    const body = spawnBody('p', 'another');
    world.agent('spawned', 'p-9', body);
    world.desk.begin();
    expect(world.starts()).toEqual([]);
    expect(world.desk.lastSpawned()).toBe(1);
    world.pass(5_001);
    expect(world.desk.plan(world.now()).gone).toEqual(['p-9']);
    world.pass(1_000);
    expect(world.starts()).toHaveLength(1);
  });

  it('counts the agents of a scaler that is gone no more once they have ended', () => {
    for (const [code, left] of [
      [1_006, 1],
      [1_000, 1],
      [1_001, 0],
    ] as const) {
      const world = told({ max: 1 });
      world.queued();
      world.agent('spawned', 'p-9', spawnBody('p', 'another'));
      const session = world.registers('p-9');
      world.desk.begin();
      world.tell(world.run.offered(1, session, JOB, 'p-9'));
      world.tell(
        world.run.add(
          'agent.lost',
          { code, scalerManaged: true },
          { jobId: JOB, attempt: 1, session, agentId: 'p-9' },
        ),
      );
      expect(world.starts()).toEqual([]);
      world.agent('disconnected', 'p-9', { session, code, reason: '' });
      world.pass(1_000);
      expect(world.starts(), String(code)).toHaveLength(left);
    }
  });

  it('leaves a job to an agent that another scaler makes for it in a pool of its own', () => {
    const world = told();
    world.queued(2);
    world.agent('spawned', 'p-9', spawnBody('elsewhere', 'another'));
    world.desk.begin();
    expect(world.starts()).toHaveLength(1);
    world.pass(30_001);
    expect(world.starts()).toHaveLength(2);
    expect(world.failures).toEqual([]);
  });

  it('does not count a word of its own whose agent it never made', () => {
    const world = told({ max: 1 });
    world.desk.begin();
    world.queued();
    const body = spawnBody('p', 'me');
    world.agent('spawned', 'p-9', body);
    expect(world.starts()).toHaveLength(1);
    expect(world.desk.lastSpawned()).toBe(1);
  });

  it('waits for one that has lost its gateway only, and gives it up when it does not come back', () => {
    const world = told({ max: 1 });
    world.desk.begin();
    world.queued();
    world.spawn('p-1');
    const session = world.registers('p-1');
    world.agent('disconnected', 'p-1', { session, code: 1001, reason: 'going away' });
    world.pass(60_000);
    expect(world.desk.plan(world.now())).toMatchObject({ gone: [], starts: [] });
    world.registers('p-1');
    world.pass(60_000);
    expect(world.desk.plan(world.now())).toMatchObject({ gone: [], starts: [] });
    world.desk.heardGateway(LEASE, false);
    expect(world.desk.plan(world.now()).starts).toEqual([]);
    world.agent('disconnected', 'p-1', { session: session + 2, code: 1006, reason: '' });
    world.pass(300_001);
    expect(world.desk.plan(world.now()).gone).toEqual(['p-1']);
  });

  it('starts nothing for a job that names its agent, that is held back, or that has ended', () => {
    const world = told();
    world.desk.begin();
    world.tell(world.run.created([{ name: 'pinned', agent: 'mine' }]));
    world.pass(1_000);
    expect(world.starts()).toEqual([]);
    const other = told();
    other.desk.begin();
    other.queued();
    other.tell(other.run.offered(1, 900, JOB, 'x'));
    other.tell(
      other.run.add(
        'job.reject',
        { reason: 'busy' },
        {
          jobId: JOB,
          attempt: 1,
          session: 900,
          agentId: 'x',
        },
      ),
    );
    const { starts, lookAgainAt } = other.desk.plan(other.run.at());
    expect(starts).toEqual([]);
    expect(lookAgainAt).toBeGreaterThan(other.run.at());
    expect(other.desk.plan(lookAgainAt ?? 0).starts).toHaveLength(1);
    other.tell(other.run.asked());
    expect(other.desk.plan((lookAgainAt ?? 0) + 1).starts).toEqual([]);
  });

  it('hears nothing of other orgs', () => {
    const world = told();
    world.desk.begin();
    const created = world.run.created();
    world.desk.heardRun({ ...created, org: 'other' }, evolveRun(initialRun, created), false);
    expect(world.desk.plan(START + 5_000).starts).toEqual([]);
  });

  it('knows runs that were restored as well as those it was told of', () => {
    const world = told();
    const run = evolveRun(initialRun, world.run.created([{ name: 'a' }, { name: 'b' }]));
    world.desk.restored(RUN, run);
    world.desk.begin();
    expect(world.desk.plan(START + 5_000).starts).toHaveLength(2);
  });
});
