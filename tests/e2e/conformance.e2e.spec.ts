import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CheckResult, checkServer, serverChecks } from '@waybill/conformance';
import { systemClock } from '@waybill/process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type ProxiedFrame, type Tampering, tamperingProxy } from './tampering-proxy.fixture.ts';
import { freePort, type Home, openHome } from './waybill.fixture.ts';

const Credentials = z.object({ url: z.string(), apiKey: z.string(), agentToken: z.string() });
const Report = z.object({
  failed: z.number(),
  checks: z.array(
    z.looseObject({ name: z.string(), state: z.string(), why: z.string().optional() }),
  ),
});

type Fault = Readonly<{ check: string; what: string; tampering: Tampering }>;

const isA = (frame: ProxiedFrame, type: string): boolean => frame['type'] === type;
const dropped = (drops: (frame: ProxiedFrame) => boolean) => (frame: ProxiedFrame) =>
  drops(frame) ? [] : [frame];
const changed =
  (type: string, change: (frame: ProxiedFrame) => ProxiedFrame) => (frame: ProxiedFrame) => [
    isA(frame, type) ? change(frame) : frame,
  ];
const withCode = (from: number, to: number): Tampering => ({
  closeCode: (code) => (code === from ? to : code),
});
const has = (frame: ProxiedFrame, text: string): boolean => JSON.stringify(frame).includes(text);

/** One fault each, and the one check that is about it. */
const faults: readonly Fault[] = [
  {
    check: 'auth-failure',
    what: 'ends a bad token with another code',
    tampering: withCode(4010, 4001),
  },
  {
    check: 'version-too-old',
    what: 'ends an old version with another code',
    tampering: withCode(4005, 4003),
  },
  {
    check: 'ack-deadline',
    what: 'ends an agent without an answer with another code',
    tampering: withCode(4031, 1001),
  },
  {
    check: 'register-ack',
    what: 'acknowledges a registration without its labels',
    tampering: { toAgent: changed('register.ack', (frame) => ({ ...frame, labels: [] })) },
  },
  {
    check: 'schema-invalid',
    what: 'does not say what was wrong with a frame',
    tampering: { toAgent: dropped((frame) => isA(frame, 'error') && has(frame, 'job.ack: ')) },
  },
  {
    check: 'unknown-type',
    what: 'does not take what it does not know',
    tampering: {
      toServer: changed('kit.unknown', () => ({ type: 'job.cancel' })),
    },
  },
  {
    check: 'dispatch-once',
    what: 'dispatches twice',
    tampering: { toAgent: (frame) => (isA(frame, 'job.dispatch') ? [frame, frame] : [frame]) },
  },
  {
    check: 'cancel-reaches',
    what: 'does not tell an agent of a cancel',
    tampering: {
      toAgent: (frame, { came }) =>
        isA(frame, 'job.cancel') && came.has('job.ack') ? [] : [frame],
    },
  },
  {
    check: 'late-lines',
    what: 'loses lines behind the end of their step',
    tampering: { toServer: dropped((frame) => isA(frame, 'log.chunk') && has(frame, 'kit-late')) },
  },
  {
    check: 'in-flight-adopted',
    what: 'does not read what an agent brings back',
    tampering: { toServer: changed('agent.register', (frame) => ({ ...frame, inFlightJobs: [] })) },
  },
  {
    check: 'early-status-kept',
    what: 'passes over what comes before a registration',
    tampering: {
      toServer: (frame, { came }) =>
        !came.has('agent.register') && (isA(frame, 'job.status') || isA(frame, 'log.chunk'))
          ? []
          : [frame],
    },
  },
  {
    check: 'concurrency',
    what: 'lets a job wait for its group',
    tampering: {
      toAgent: changed('job.concurrency.ack', (frame) => ({ ...frame, action: 'wait' })),
    },
  },
  {
    check: 'emit-receipt',
    what: 'keeps a receipt back',
    tampering: {
      toAgent: dropped((frame) => isA(frame, 'event.emit.response') && has(frame, 'deliveryId')),
    },
  },
  {
    check: 'extensions-unasked',
    what: 'speaks extensions to everybody',
    tampering: {
      toServer: (frame, { tellAgent }) => {
        const { runId, jobId } = frame;
        if (isA(frame, 'job.ack') && typeof jobId === 'string')
          tellAgent({ type: 'job.granted', runId, jobId, attempt: 1, fence: 1 });
        return [frame];
      },
    },
  },
];

/** These wait for long, or send much, and none of the faults is theirs. */
const costly: ReadonlySet<string> = new Set([
  'auth-timeout',
  'register-timeout',
  'too-big',
  'pings',
]);
const cheap = serverChecks.map(({ name }) => name).filter((name) => !costly.has(name));

describe('a conformance kit', { timeout: 240_000 }, () => {
  let home: Home;
  let known: z.infer<typeof Credentials>;
  let url: string;

  beforeAll(async () => {
    home = await openHome();
    await home.up();
    known = Credentials.parse(
      JSON.parse(readFileSync(join(home.folder, 'credentials.json'), 'utf8')),
    );
    url = `${known.url.replace('http', 'ws')}/ws`;
  }, 90_000);
  afterAll(() => home.close(), 60_000);

  const server = (more: readonly string[]): readonly string[] => [
    'conformance',
    'server',
    '--json',
    '--url',
    url,
    '--token',
    known.agentToken,
    ...more,
  ];
  const withApi = (): readonly string[] => ['--api-url', known.url, '--api-key', known.apiKey];
  const namesOf = (report: z.infer<typeof Report>, state: string): readonly string[] =>
    report.checks.filter((check) => check.state === state).map(({ name }) => name);

  it.each(['seed', 'waybill'])(
    'finds nothing wrong with our gateway in profile %s',
    async (profile) => {
      const { code, stdout, stderr } = await home.run(server([...withApi(), '--profile', profile]));
      const report = Report.parse(JSON.parse(stdout));
      expect(
        report.checks.filter(({ state }) => state === 'fail'),
        stderr,
      ).toEqual([]);
      expect(namesOf(report, 'skipped')).toEqual(['pings']);
      expect(code).toBe(0);
      expect(stdout).not.toContain(known.agentToken);
      expect(stdout).not.toContain(known.apiKey);
    },
  );

  it('skips what needs work, and says so, where nobody makes any', async () => {
    const { code, stdout } = await home.run(server(['--only', 'register-ack', 'dispatch-once']));
    const { checks } = Report.parse(JSON.parse(stdout));
    expect(checks).toMatchObject([
      { name: 'register-ack', state: 'pass' },
      { name: 'dispatch-once', state: 'skipped' },
    ]);
    expect(checks[1]?.why).toContain('--api-url');
    expect(code).toBe(0);
  });

  it('tries an agent that it starts itself, and ends with 1 when one check fails', async () => {
    const only = ['--only', 'auth-first', 'busy-reject'];
    const call = async (exec: string) =>
      home.run([
        'conformance',
        'agent',
        '--url',
        `ws://127.0.0.1:${await freePort()}/ws`,
        '--exec',
        exec,
        '--timeout',
        '5',
        ...only,
      ]);
    const agent = join(import.meta.dirname, '..', '..', 'examples', 'plain-agent', 'agent.mjs');
    const good = await call(`${process.execPath} ${agent}`);
    expect(good.stdout).toContain('2 passed, 0 failed');
    expect(good.code).toBe(0);
    const absent = await call('true');
    expect(absent.stdout).toContain('the agent did not connect');
    expect(absent.code).toBe(1);
  });

  it('says what a call got wrong', async () => {
    const misnamed = await home.run(['conformance', 'agent', '--only', 'auth-frist']);
    expect(misnamed.code).toBe(2);
    expect(misnamed.stderr).toContain('auth-first');
    const file = await home.run(['conformance', 'agent', '--job-config', 'nowhere.json']);
    expect(file.code).toBe(2);
    expect(file.stderr).toContain('nowhere.json');
    const taken = await home.run(['conformance', 'agent', '--url', url, '--only', 'auth-first']);
    expect(taken.code).toBe(69);
    expect(taken.stderr).toContain('another port');
  });

  describe('at a server with one fault', () => {
    // All at once: nearly all of it is waiting.
    let tried: ReadonlyMap<string, readonly CheckResult[]>;
    beforeAll(async () => {
      const each = faults.map(async ({ check, tampering }) => {
        const proxy = await tamperingProxy(url, tampering);
        const results = await checkServer({
          url: proxy.url,
          token: known.agentToken,
          api: { url: known.url, org: 'main', key: known.apiKey },
          clock: systemClock,
          profile: 'seed',
          withinMs: 30_000,
          quietMs: 1_000,
          only: cheap,
        });
        proxy.stop();
        return [check, results.filter(({ state }) => state === 'fail')] as const;
      });
      tried = new Map(await Promise.all(each));
    }, 400_000);

    it.each(faults)('that $what fails exactly `$check`', ({ check }) => {
      const failed = tried.get(check) ?? [];
      expect(
        failed.map(({ name }) => name),
        JSON.stringify(failed),
      ).toEqual([check]);
    });
  });
});
