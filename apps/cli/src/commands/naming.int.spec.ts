/** Names that people give, and what they are told where there is nothing of that name: against an api that is a few answers. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { waybill } from '../waybill.fixture.ts';

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

const MISSING = { title: 'There is no such thing', status: 404, code: 'not-found' };

/** The path within the org, and what is answered there; anything else is 404. What was posted is kept. */
async function apiOf(answers: Readonly<Record<string, unknown>>) {
  const posted: unknown[] = [];
  server = createServer((request, response) => {
    const chunks: string[] = [];
    request.on('data', (chunk) => void chunks.push(String(chunk)));
    request.on('end', () => {
      if (chunks.length > 0) posted.push(JSON.parse(chunks.join('')));
      const answer = answers[(request.url ?? '').replace('/v1/orgs/main', '')];
      response.writeHead(answer === undefined ? 404 : 200, {
        'content-type': answer === undefined ? 'application/problem+json' : 'application/json',
      });
      response.end(JSON.stringify(answer ?? MISSING));
    });
  });
  const listening = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', listening.resolve);
  await listening.promise;
  const { port } = server.address() as AddressInfo; // it listens on a port
  const env = {
    WAYBILL_URL: `http://127.0.0.1:${port}`,
    WAYBILL_API_KEY: 'wbk_0123456789abcdef0123456789abcdef',
    WAYBILL_ORG: 'main',
  };
  return { posted, call: (...argv: readonly string[]) => waybill(argv, env) };
}

describe('waybill agents drain', () => {
  it('names an agent that nobody knows, and how to list those that are known', async () => {
    const { call } = await apiOf({});
    const { code, err } = await call('agents', 'drain', 'nobody');
    expect(code).toBe(1);
    expect(err).toContain('no agent nobody is known here');
    expect(err).toContain('waybill agents ls');
  });

  it('says until when', async () => {
    const { call } = await apiOf({
      '/agents/a/drain': { agentId: 'a', draining: true, activeJobs: 2 },
    });
    expect((await call('agents', 'drain', 'a')).out).toBe(
      'agent a gets no more work until `--off`; 2 at work go on\n',
    );
  });
});

describe('waybill approvals', () => {
  const approval = {
    id: 'r-0-p1',
    runId: 'r',
    jobId: 'r-0',
    jobName: 'ship',
    workflow: 'ci',
    attempt: 1,
    stepIndex: 2,
    stepName: 'deploy',
    reason: 'it goes live',
    clauses: [{ user: 'ada' }, { team: 'ops' }],
    votes: [],
    state: 'open',
    expiresAt: '2026-01-02T03:04:05.678Z',
    resolvedAt: null,
  };

  it('ls shows what is open, and who may answer', async () => {
    const { call } = await apiOf({
      '/approvals?state=open&limit=200': { items: [approval], next: null },
    });
    const { out, code } = await call('approvals', 'ls');
    expect(code).toBe(0);
    for (const part of ['r-0-p1', 'ci / ship / deploy', 'it goes live', 'ada and team ops'])
      expect(out).toContain(part);
    expect(JSON.parse((await call('approvals', 'ls', '--json')).out)).toMatchObject({
      items: [approval],
    });
  });

  it('decide says it, and who is still to be heard', async () => {
    const votes = [{ by: 'ada', decision: 'approve', reason: null }];
    const { call, posted } = await apiOf({
      '/approvals/r-0-p1/decision': { ...approval, votes },
    });
    const { out } = await call('approvals', 'decide', 'r-0-p1', 'approve', '--user', 'ada');
    expect(out).toBe('approval r-0-p1: approved by ada; it takes ada and team ops\n');
    expect(posted).toEqual([{ decision: 'approve' }]);
    expect((await call('approvals', 'decide', 'r-0-p1', 'maybe')).code).toBe(2);
    const { code, err } = await call('approvals', 'decide', 'r-0-p9', 'approve');
    expect([code, err]).toEqual([1, expect.stringContaining('no approval r-0-p9 is known here')]);
  });
});

describe('waybill orgs set', () => {
  it('sets teams and how long people have, and says what is wrong with a team', async () => {
    const settings = { dispatchAckTimeoutMs: null, approvalTimeoutMs: 3_600_000 };
    const { call, posted } = await apiOf({
      '/settings': {
        org: 'main',
        generation: 1,
        settings: { ...settings, teams: { ops: ['ada'] } },
      },
    });
    const set = ['orgs', 'set', '--approval-timeout', '1h', '--team', 'ops=ada', 'old='];
    expect((await call(...set)).out).toBe(
      'org main\n  dispatch ack timeout  default (10 s)\n  approval timeout      1 h 0 min\n  team ops  ada\n',
    );
    expect(posted).toEqual([{ approvalTimeoutMs: 3_600_000, teams: { ops: ['ada'], old: null } }]);
    expect((await call('orgs', 'set', '--team', 'ops')).code).toBe(2);
  });
});

describe('waybill runs cancel', () => {
  const jobs = [
    { jobId: 'r-0', name: 'build', group: null },
    { jobId: 'r-1', name: 'test (22)', group: 'test' },
    { jobId: 'r-2', name: 'test (24)', group: 'test' },
  ];
  const answers = {
    '/runs/r': { jobs },
    '/runs/r/cancel': { runId: 'r', state: 'running', jobs: [] },
  };

  it.each([
    [['r-0'], ['r-0']],
    [['build'], ['r-0']],
    [['test (24)'], ['r-2']],
    [
      ['test', 'r-1'],
      ['r-1', 'r-2'],
    ],
  ])(
    'takes the jobs %j by name, by id, and by the matrix that made them',
    async (named, jobIds) => {
      const { call, posted } = await apiOf(answers);
      expect(await call('runs', 'cancel', 'r', '--job', ...named)).toMatchObject({ code: 0 });
      expect(posted).toEqual([expect.objectContaining({ jobIds })]);
    },
  );

  it('says which jobs there are where it has none of that name, and cancels nothing', async () => {
    const { call, posted } = await apiOf(answers);
    const { code, err } = await call('runs', 'cancel', 'r', '--job', 'buidl');
    expect(code).toBe(2);
    expect(err).toContain('the run has no job buidl; it has: build, test (22), test (24)');
    expect(posted).toEqual([]);
  });
});
