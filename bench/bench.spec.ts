import { foldRun, headersOf, readRunMessage } from '@waybill/protocol';
import { describe, expect, it } from 'vitest';
import { readArguments } from './arguments.ts';
import type { Run } from './e2e/comparison.ts';
import { report, tables } from './e2e/report.ts';
import { alternate, inTurn } from './measure/alternation.ts';
import type { Measured } from './measure/pipeline.ts';
import { median, quantile, ratios, spread } from './measure/statistics.ts';
import { rounded, table, withRange } from './measure/table.ts';
import { type CpuProfile, summarise } from './profile.ts';
import { restartTables } from './restart/report.ts';
import type { Restarts, Starter } from './restart/restarts.ts';
import { jobsIn, type Shape, shapesOf, written } from './restart/shape.ts';

describe('arguments', () => {
  it('a suite alone has defaults for everything else', () => {
    expect(readArguments(['e2e'])).toEqual({
      kind: 'run',
      arguments: {
        suite: 'e2e',
        jobs: 2000,
        sockets: 10_000,
        quick: false,
        reps: 3,
        rates: [50, 200],
        durabilities: ['strict', 'fast'],
        json: false,
        profile: false,
        isDefault: true,
      },
    });
  });

  it('each suite has a number of jobs of its own', () => {
    const read = readArguments(['restart']);
    expect(read.kind === 'run' && read.arguments).toMatchObject({
      suite: 'restart',
      jobs: 100_000,
    });
  });

  it('every option is read', () => {
    const argv =
      '--jobs 10 --sockets 7 --reps 1 --rate 5,7 --durability fast --json --profile e2e'.split(' ');
    expect(readArguments(argv)).toEqual({
      kind: 'run',
      arguments: {
        suite: 'e2e',
        jobs: 10,
        sockets: 7,
        quick: false,
        reps: 1,
        rates: [5, 7],
        durabilities: ['fast'],
        json: true,
        profile: true,
        isDefault: false,
      },
    });
  });

  it('a quick run has small numbers, unless others are asked for', () => {
    const read = readArguments(['sockets', '--quick', '--jobs', '3']);
    expect(read.kind === 'run' && read.arguments).toMatchObject({
      quick: true,
      sockets: 50,
      jobs: 3,
      reps: 1,
    });
  });

  it.for([
    ['', 'name a suite'],
    ['peers', 'there is no suite "peers"'],
    ['toString', 'there is no suite "toString"'],
    ['e2e e2e', 'one suite at a time'],
    ['e2e --jobs 0', '--jobs is a whole number'],
    ['e2e --jobs 1.5', '--jobs is a whole number'],
    ['sockets --sockets 1e4', '--sockets is a whole number'],
    ['e2e --reps many', '--reps is a whole number'],
    ['e2e --rate 50,', '--rate is one or more whole numbers'],
    ['e2e --durability safe', '--durability is strict or fast'],
    ['e2e --colour', '--colour'],
  ])('"%s" is a mistake that is named', ([argv = '', problem]) => {
    const read = readArguments(argv.split(' ').filter((each) => each !== ''));
    expect(read.kind === 'mistake' && read.problem).toContain(problem);
  });

  it('help is asked for without a suite', () => {
    expect(readArguments(['--help'])).toEqual({ kind: 'help' });
  });
});

describe('statistics', () => {
  it('a quantile lies between its neighbours and needs no order', () => {
    expect(quantile([3, 1, 2], 0.5)).toBe(2);
    expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5);
    expect(quantile([1, 2], 0.99)).toBeCloseTo(1.99);
    expect(quantile([7], 0.99)).toBe(7);
  });

  it('nothing measured is no number, not zero', () => {
    expect(median([])).toBeNaN();
    expect(spread([])).toEqual({ median: Number.NaN, min: Number.NaN, max: Number.NaN, count: 0 });
  });

  it('a repetition without a number does not count', () => {
    expect(spread([3, Number.NaN, 1])).toEqual({ median: 2, min: 1, max: 3, count: 2 });
  });

  it('ratios pair numbers of the same repetition', () => {
    expect(ratios([2, 9], [4, 3])).toEqual([0.5, 3]);
    expect(ratios([2, 9], [4])).toEqual([0.5]);
  });
});

describe('tables', () => {
  it('columns come from all rows and numbers stand right', () => {
    expect(
      table('Title', [
        { a: 'x', b: 1_234 },
        { a: 'long', c: 0.5 },
      ]),
    ).toBe(
      [
        '### Title',
        '',
        '| a    |     b |    c |',
        '|------|------:|-----:|',
        '| x    | 1,234 |      |',
        '| long |       | 0.50 |',
        '',
      ].join('\n'),
    );
  });

  it('numbers have about three digits', () => {
    expect([0.123, 12.34, 123.4, 12_345.6, Number.NaN].map(rounded)).toEqual([
      '0.12',
      '12.3',
      '123',
      '12,346',
      '-',
    ]);
  });

  it('a range is shown where there is one', () => {
    expect(withRange({ median: 2, min: 1, max: 3, count: 3 })).toBe('2.00 (1.00-3.00)');
    expect(withRange({ median: 2, min: 2, max: 2, count: 1 })).toBe('2.00');
  });
});

describe('alternation', () => {
  it('every other repetition runs backwards', () => {
    expect(inTurn(['a', 'b', 'c'], 0)).toEqual(['a', 'b', 'c']);
    expect(inTurn(['a', 'b', 'c'], 1)).toEqual(['c', 'b', 'a']);
  });

  it('a repetition for which there is no time is not begun', async () => {
    const ran: string[] = [];
    const settle = async (): Promise<void> => undefined;
    const run = async (variant: string, rep: number): Promise<string> => {
      ran.push(`${variant}${rep}`);
      return variant;
    };
    await alternate({ variants: ['a', 'b'], reps: 2, withinMs: undefined, settle, run });
    expect(ran).toEqual(['a0', 'b0', 'b1', 'a1']);
    expect(
      await alternate({ variants: ['a', 'b'], reps: 5, withinMs: 0, settle, run }),
    ).toHaveLength(2);
  });
});

describe('report', () => {
  const measured = (jobsPerSecond: number, p50: number, o: Partial<Measured> = {}): Measured => ({
    jobs: 100,
    rate: undefined,
    jobsPerSecond,
    dispatchP50Ms: p50,
    dispatchP99Ms: p50 * 10,
    cpuMicros: { service: 100, agents: 10, producer: 10, nats: 50, postgres: 30 },
    ...o,
  });
  const run = (pipeline: Run['pipeline'], rep: number, flatOut: Measured): Run => ({
    pipeline,
    durability: 'fast',
    rep,
    flatOut,
    paced: [measured(50, 2, { rate: 50 })],
  });
  const runs = [
    run('floor', 0, measured(1_000, 1)),
    run('e2e', 0, measured(500, 4)),
    run('e2e', 1, measured(100, 2)),
    run('floor', 1, measured(400, 1)),
  ];

  it('a ratio is taken within a repetition, whatever the order of runs', () => {
    const [fast] = report(runs);
    expect(fast?.ratios.jobsPerSecond).toEqual({ median: 0.375, min: 0.25, max: 0.5, count: 2 });
    expect(fast?.ratios.cpuAll?.median).toBe(1);
    expect(fast?.ratios.latencies.map(({ rate, p50 }) => [rate, p50.median])).toEqual([
      [50, 1],
      [null, 3],
    ]);
  });

  it('tables name what there is, and say what there is not', () => {
    expect(tables(report(runs))).toContain('|   300 (100-500) | 0.38 (0.25-0.50) |');
    const blind = runs.map((each) => ({
      ...each,
      flatOut: { ...each.flatOut, cpuMicros: undefined },
    }));
    expect(tables(report(blind))).toContain('this system has no /proc');
  });

  it('a rate that was not reached is marked', () => {
    const late = runs.map((each) => ({ ...each, paced: [measured(30, 2, { rate: 50 })] }));
    expect(tables(report(late))).toContain('50/s (not reached)');
  });
});

describe('restarts', () => {
  const [waiting, many, running] = shapesOf(1_000);

  /** As the log would give them back. */
  const events = (shape: Shape, index: number) =>
    Array.from({ length: 10 }, (_, step) => written(shape, index, step, step))
      .flatMap((next) => next ?? [])
      .map(({ draft }, at) => ({
        ...draft,
        seq: at + 1,
        at: at + 1,
        header: (name: string) => headersOf(draft)[name],
        body: Buffer.from(draft.body),
      }))
      .flatMap((message) => readRunMessage(message) ?? []);

  it('the jobs that wait are as many in runs of one as in runs of many', () => {
    expect(shapesOf(1_000).map(jobsIn)).toEqual([1_000, 1_000, 100]);
  });

  it.for([
    [waiting, 1, 'queued'],
    [many, 100, 'queued'],
    [running, 1, 'running'],
  ] as const)(
    'what the log is filled with makes runs of the shape: %o',
    ([shape, count, state]) => {
      if (shape === undefined) throw new Error('there are three');
      const runs = [events(shape, 0), events(shape, 1)].map((each) => foldRun(each));
      const states = runs.map(({ jobs }) => jobs.map((job) => job.state));
      expect(states).toEqual([Array(count).fill(state), Array(count).fill(state)]);
      expect(runs.map(({ anomalies }) => anomalies)).toEqual([0, 0]);
      expect(runs[0]?.created?.runId).not.toBe(runs[1]?.created?.runId);
    },
  );

  it('tables show what each start and each save has come to, beside the floor of its round', () => {
    if (waiting === undefined) throw new Error('there are three');
    const start = (starter: Starter, from: 'log' | 'snapshot', rep: number, readyMs: number) => ({
      starter,
      from,
      rep,
      readyMs,
      cpuMs: 500,
      bytesPerJob: 1_000,
    });
    const all: readonly Restarts[] = [
      {
        shape: waiting,
        durability: 'fast',
        logBytesPerJob: 1_700,
        starts: [
          start('bare read', 'log', 0, 3_000),
          start('scheduler', 'log', 0, 9_000),
          start('bare read', 'snapshot', 0, 4_000),
          start('scheduler', 'snapshot', 0, 1_000),
          start('scheduler', 'snapshot', 1, 3_000),
          start('bare read', 'snapshot', 1, 2_000),
        ],
        saves: [
          { starter: 'live runs', saveMs: 800, bytesPerJob: 500, blockedMs: 9 },
          { starter: 'scheduler', saveMs: undefined, bytesPerJob: undefined, blockedMs: 12 },
        ],
      },
    ];
    const text = restartTables(all);
    expect(text).toMatch(/scheduler \| +9\.00 \| +3\.00 \| +0\.50 \| +2\.00 \(1\.00-3\.00\)/);
    expect(text).toContain('0.88 (0.25-1.50)');
    expect(text).toMatch(/scheduler \| +1,000 \| +1,000 \(1,000-1,000\) \| +500 \| +1,700 \|/);
    expect(text).toMatch(/scheduler \| +- \| +12\.0 \|/);
  });
});

describe('profile', () => {
  const node = (
    id: number,
    functionName: string,
    url: string,
    children: number[],
  ): CpuProfile['nodes'][number] => ({
    id,
    callFrame: { functionName, url, lineNumber: 0 },
    children,
  });
  const profile: CpuProfile = {
    nodes: [
      node(1, '(root)', '', [2, 3, 6]),
      node(2, '(idle)', '', []),
      node(3, 'onMessage', 'file:///x/libs/journal/src/feed.ts', [4]),
      node(4, 'fold', 'file:///x/services/projector/src/shell/batch.ts', [5, 7]),
      node(5, 'parse', 'file:///x/node_modules/zod/v4/core/schemas.js', []),
      node(6, '(garbage collector)', '', []),
      node(7, 'fold', 'file:///x/services/projector/src/shell/batch.ts', []),
    ],
    samples: [2, 3, 4, 5, 6, 7],
    timeDeltas: [1_000, 10, 20, 30, 5, 35],
  };

  it('idle time is left out', () => {
    expect(summarise(profile).busyMicros).toBe(100);
  });

  it('self time is summed by package, with the largest first', () => {
    const shares = summarise(profile).packages.map(({ name, share }) => [name, share]);
    expect(shares).toEqual([
      ['services/projector', 0.55],
      ['zod', 0.3],
      ['libs/journal', 0.1],
      ['(garbage collector)', 0.05],
    ]);
  });

  it('what a service causes below itself is its own', () => {
    expect(summarise(profile).owners[0]).toMatchObject({ name: 'services/projector', micros: 85 });
  });

  it('a function that calls itself is counted once', () => {
    const inclusive = summarise(profile).inclusive.map(({ name, micros }) => [name, micros]);
    expect(inclusive).toEqual([
      ['onMessage journal/src/feed.ts:1', 95],
      ['fold src/shell/batch.ts:1', 85],
    ]);
  });
});
