import { describe, expect, it } from 'vitest';
import { failed, healthy, proven, started } from './pool-health.ts';
import { lineOf, member, NOW, poolNamed, situation, staffedBy } from './situation.fixture.ts';
import { idleGraceMs, patienceMs, planOf } from './staffing.ts';

const jobs = (count: number) => Array.from({ length: count }, (_, index) => `job-${index}`);
const bound = (plan: ReturnType<typeof planOf>) => plan.starts.map(({ jobIds }) => jobIds);

describe('a plan', () => {
  it('starts nothing where nothing waits', () => {
    expect(planOf(situation())).toEqual({
      starts: [],
      stops: [],
      stuck: [],
      lookAgainAt: undefined,
    });
  });

  it('starts an agent for each job, bound to it, up to the most there may be', () => {
    const plan = planOf(situation({ lines: [lineOf(['linux'], jobs(10))] }));
    expect(bound(plan)).toEqual([['job-0'], ['job-1'], ['job-2']]);
  });

  it('gives an agent as many jobs as it takes at once', () => {
    const pools = [staffedBy(poolNamed('p', { concurrency: 4 }))];
    const plan = planOf(situation({ pools, lines: [lineOf([], jobs(6))] }));
    expect(bound(plan)).toEqual([
      ['job-0', 'job-1', 'job-2', 'job-3'],
      ['job-4', 'job-5'],
    ]);
  });

  it('counts agents that are on their way, and free ones of others', () => {
    const members = [
      member('a', { phase: 'starting' }),
      member('static', { pool: undefined }),
      member('other', { pool: undefined, labels: new Set(['mac']) }),
    ];
    const plan = planOf(situation({ members, lines: [lineOf(['linux'], jobs(3))] }));
    expect(bound(plan)).toEqual([['job-2']]);
  });

  it('waits no longer for an agent of others that leaves the job alone', () => {
    const members = [member('static', { pool: undefined })];
    const since = NOW - patienceMs - 1;
    const plan = planOf(situation({ members, lines: [lineOf(['linux'], jobs(1), since)] }));
    expect(bound(plan)).toEqual([['job-0']]);
  });

  it('counts one that leaves against the most, and not as help', () => {
    const pools = [staffedBy(poolNamed('p', { max: 2 }))];
    const members = [member('a', { phase: 'leaving', load: 1 })];
    const plan = planOf(situation({ pools, members, lines: [lineOf([], jobs(3))] }));
    expect(bound(plan)).toEqual([['job-0']]);
  });

  it('leaves jobs alone that no agent of a pool could have', () => {
    const plan = planOf(
      situation({ lines: [lineOf(['mac'], jobs(1)), lineOf(['!linux'], ['x'])] }),
    );
    expect(plan.starts).toEqual([]);
  });

  it('takes the first pool that fits, and the next where that is full or does not come up', () => {
    const [first, second] = [poolNamed('p', { max: 1 }), poolNamed('q')];
    const lines = [lineOf(['linux'], jobs(2))];
    const pools = [staffedBy(first), staffedBy(second)];
    expect(planOf(situation({ pools, lines })).starts).toMatchObject([
      { pool: 'p', jobIds: ['job-0'] },
      { pool: 'q', jobIds: ['job-1'] },
    ]);
    const broken = [staffedBy(first, { health: failed(healthy, 'no', NOW) }), staffedBy(second)];
    expect(planOf(situation({ pools: broken, lines })).starts).toMatchObject([
      { pool: 'q', jobIds: ['job-0'] },
      { pool: 'q', jobIds: ['job-1'] },
    ]);
  });

  it('keeps the least that there should be, ready for jobs that are to come', () => {
    const pools = [staffedBy(poolNamed('p', { min: 2 }))];
    expect(planOf(situation({ pools })).starts).toEqual([
      { pool: 'p', jobIds: [], isStanding: true },
      { pool: 'p', jobIds: [], isStanding: true },
    ]);
    const members = [member('a', { isStanding: true }), member('b')];
    expect(planOf(situation({ pools, members })).starts).toMatchObject([{ isStanding: true }]);
  });

  it('lets go whoever should have gone by itself, and nobody who stands ready', () => {
    const idleSince = NOW - 60_000 - idleGraceMs - 1;
    const pools = [staffedBy(poolNamed('p', { min: 1 }))];
    const members = [
      member('a', { isStanding: true, idleSince }),
      member('b', { idleSince }),
      member('c', { idleSince, load: 1 }),
      member('d', { idleSince: NOW }),
    ];
    const plan = planOf(situation({ pools, members }));
    expect(plan.stops).toEqual(['b']);
    expect(plan.lookAgainAt).toBe(NOW + 60_000 + idleGraceMs + 1);
  });

  it('asks another scaler than ours just the same, and holds it to the bounds', () => {
    const pool = poolNamed('p', { min: 1 });
    const asked: unknown[] = [];
    const answering = (wanted: number) => [
      staffedBy(pool, {
        scaler: {
          wanted: (labels, depth) => {
            asked.push([labels, depth]);
            return wanted;
          },
        },
      }),
    ];
    const members = [member('a', { load: 1, isStanding: true })];
    const lines = [lineOf([], jobs(2))];
    const starts = (wanted: number) =>
      planOf(situation({ pools: answering(wanted), members, lines })).starts.length;
    expect([starts(0), starts(1.5), starts(99), starts(Number.NaN), starts(-3)]).toEqual([
      0, 1, 2, 0, 0,
    ]);
    expect(asked[0]).toEqual([['linux'], 3]);
  });
});

describe('a pool whose agents do not come up', () => {
  const lines = [lineOf([], jobs(3))];
  const planAt = (
    health: typeof healthy,
    now: number,
    members: Parameters<typeof member>[0][] = [],
  ) =>
    planOf(
      situation({
        pools: [staffedBy(poolNamed('p'), { health })],
        members: members.map((id) => member(id, { phase: 'starting' })),
        lines,
        now,
      }),
    );

  it('waits longer every time, says which jobs wait and why, and then tries with one', () => {
    let health = healthy;
    let at = NOW - 123_000;
    const waits = [1, 2, 3, 4, 5, 6, 7, 8].map(() => {
      health = failed(health, 'it ended', at);
      // Another one of the same round.
      expect(failed(health, 'it ended', at + 1)).toEqual(health);
      const wait = health.backoffUntil - at;
      at += wait;
      return wait;
    });
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
    expect(planAt(health, NOW)).toEqual({
      starts: [],
      stops: [],
      stuck: [{ pool: 'p', jobIds: jobs(3), why: 'it ended', until: NOW + 60_000 }],
      lookAgainAt: NOW + 60_000,
    });
    expect(planAt(health, NOW + 60_000).starts).toHaveLength(1);
    expect(planAt(health, NOW + 60_000, ['probe']).starts).toEqual([]);
    expect(planAt(proven(health), NOW).starts).toHaveLength(3);
  });

  it('counts what was started for a moment before it starts more', () => {
    const health = started(healthy, NOW);
    expect(planAt(health, NOW + 999).starts).toEqual([]);
    expect(planAt(health, NOW + 999).stuck).toEqual([]);
    expect(planAt(health, NOW + 1_000).starts).toHaveLength(3);
    // What comes up well does not shorten that.
    expect(proven(health)).toEqual(health);
  });
});
