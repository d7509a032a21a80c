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
