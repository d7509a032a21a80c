/**
 * A little world in which agents come up or not, take jobs, lose them, idle out and die, with a scaler that plans at every step: whatever
 * happens, it stays within its bounds, and comes to rest.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { failed, healthy, type PoolHealth, proven, started } from './pool-health.ts';
import { type Pool, slotScaler } from './scaler.ts';
import { lineOf, NOW, poolNamed, situation, staffedBy } from './situation.fixture.ts';
import { type Member, type Plan, planOf } from './staffing.ts';

type Step = Readonly<{
  what: 'jobs' | 'up' | 'fails' | 'work' | 'ends' | 'idle' | 'dies' | 'leaves' | 'time';
  count: number;
}>;

const step = fc.record({
  what: fc.constantFrom<Step['what']>(
    'jobs',
    'up',
    'up',
    'fails',
    'work',
    'work',
    'ends',
    'ends',
    'idle',
    'dies',
    'leaves',
    'time',
    'time',
  ),
  count: fc.integer({ min: 1, max: 4 }),
});
const anyPool = fc
  .record({
    min: fc.integer({ min: 0, max: 3 }),
    more: fc.integer({ min: 0, max: 4 }),
    concurrency: fc.integer({ min: 1, max: 3 }),
  })
  .map(({ min, more, concurrency }) =>
    poolNamed('p', { min, max: Math.max(1, min + more), concurrency }),
  );

function worldOf(pool: Pool) {
  let members: readonly Member[] = [];
  let queued: readonly string[] = [];
  let health: PoolHealth = healthy;
  let now = NOW;
  let count = 0;
  const startedAt: number[] = [];

  const change = (found: Member | undefined, to: Partial<Member>): void => {
    members = members.map((each) => (each === found ? { ...each, ...to } : each));
  };
  const drop = (found: Member | undefined): void => {
    members = members.filter((each) => each !== found);
  };
  const inPhase = (phase: Member['phase']): Member | undefined =>
    members.find((each) => each.phase === phase);
  const planned = (): Plan =>
    planOf(
      situation({
        pools: [staffedBy(pool, { health })],
        members,
        lines: queued.length === 0 ? [] : [lineOf([], queued)],
        now,
      }),
    );
  const apply = ({ starts, stops }: Plan): void => {
    members = members.filter(({ agentId }) => !stops.includes(agentId));
    for (const { isStanding } of starts) {
      count += 1;
      const common = { pool: pool.name, slots: pool.concurrency, load: 0, idleSince: now };
      const agentId = `a${count}`;
      members = [
        ...members,
        { ...common, agentId, labels: new Set(pool.labels), phase: 'starting', isStanding },
      ];
      startedAt.push(now);
    }
    if (starts.length > 0) health = started(health, now);
  };
  const take = (): void => {
    const free = members.find(({ phase, load, slots }) => phase === 'ready' && load < slots);
    if (free === undefined || queued.length === 0) return;
    queued = queued.slice(1);
    change(free, { load: free.load + 1 });
    health = proven(health);
  };
  const act: Readonly<Record<Step['what'], (times: number) => void>> = {
    jobs: (times) => {
      queued = [...queued, ...Array.from({ length: times }, () => `j${(count += 1)}`)];
    },
    up: () => change(inPhase('starting'), { phase: 'ready', idleSince: now }),
    fails: () => {
      const found = inPhase('starting');
      if (found !== undefined) health = failed(health, 'it ended', now);
      drop(found);
    },
    work: take,
    ends: () => {
      const busy = members.find(({ load }) => load > 0);
      if (busy !== undefined) change(busy, { load: busy.load - 1, idleSince: now });
    },
    idle: () =>
      drop(members.find((each) => each.phase === 'ready' && each.load === 0 && !each.isStanding)),
    dies: () => drop(inPhase('ready')),
    leaves: () => change(inPhase('ready'), { phase: 'leaving' }),
    time: (times) => {
      now += times * 700;
    },
  };
  return {
    act: ({ what, count: times }: Step): void => act[what](times),
    planned,
    apply,
    members: () => members,
    queued: () => queued.length,
    now: () => now,
    startedAt,
    /** Everybody comes up, works and goes; nothing new arrives. */
    settle: (): void => {
      for (let round = 0; round < 400; round += 1) {
        apply(planned());
        for (const what of ['up', 'work', 'ends'] as const) act[what](1);
        drop(inPhase('leaving'));
        now += 1_000;
      }
    },
  };
}

describe('whatever happens', () => {
  it('there are never more agents than the pool may have, and each job is bound once in a plan', () => {
    fc.assert(
      fc.property(anyPool, fc.array(step, { maxLength: 80 }), (pool, steps) => {
        const world = worldOf(pool);
        for (const each of steps) {
          world.act(each);
          const plan = world.planned();
          const bound = plan.starts.flatMap(({ jobIds }) => jobIds);
          expect(new Set(bound).size).toBe(bound.length);
          for (const { jobIds } of plan.starts)
            expect(jobIds.length).toBeLessThanOrEqual(pool.concurrency);
          world.apply(plan);
          expect(world.members().length).toBeLessThanOrEqual(pool.max);
        }
      }),
    );
  });

  it('a plan that was carried out plans nothing more, and lets nobody go whom it started', () => {
    fc.assert(
      fc.property(anyPool, fc.array(step, { maxLength: 60 }), (pool, steps) => {
        const world = worldOf(pool);
        for (const each of steps) {
          world.act(each);
          world.apply(world.planned());
          const again = world.planned();
          expect([again.starts, again.stops]).toEqual([[], []]);
        }
      }),
    );
  });

  it('starts are rounds with a pause between them', () => {
    fc.assert(
      fc.property(anyPool, fc.array(step, { maxLength: 80 }), (pool, steps) => {
        const world = worldOf(pool);
        for (const each of steps) {
          world.act(each);
          world.apply(world.planned());
        }
        const rounds = [...new Set(world.startedAt)];
        for (const [index, at] of rounds.entries())
          if (index > 0) expect(at - (rounds[index - 1] ?? 0)).toBeGreaterThanOrEqual(1_000);
      }),
    );
  });

  it('once agents come up again every job is done, and then the least is there and nothing moves', () => {
    fc.assert(
      fc.property(anyPool, fc.array(step, { maxLength: 60 }), (pool, steps) => {
        const world = worldOf(pool);
        for (const each of steps) {
          world.act(each);
          world.apply(world.planned());
        }
        world.settle();
        expect(world.queued()).toBe(0);
        const standing = world.members().filter(({ isStanding }) => isStanding);
        expect(standing).toHaveLength(pool.min);
        expect(world.members()).toHaveLength(pool.min);
        const before = world.startedAt.length;
        world.settle();
        expect(world.startedAt).toHaveLength(before);
      }),
      { numRuns: 60 },
    );
  });

  it('what is wanted is enough for every job and no more than that', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 0, max: 99 }),
        (concurrency, depth) => {
          const wanted = slotScaler({ concurrency }).wanted([], depth);
          expect(wanted * concurrency).toBeGreaterThanOrEqual(depth);
          expect((wanted - 1) * concurrency).toBeLessThan(Math.max(depth, 1));
        },
      ),
    );
  });
});
