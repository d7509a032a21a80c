import { eventually } from '@waybill/process/testing';
import { expect, it } from 'vitest';
import { limitStream } from './nats-admin.fixture.ts';
import { answered, ORG, startApi } from './running-api.fixture.ts';

const headers = { 'x-github-event': 'push', 'x-github-delivery': 'd-1' };

it('without NATS nothing is answered 2xx, the sender is told when to try again, and readiness names the cause', async () => {
  const api = await startApi({ limits: { appendMs: 1_000 } });
  try {
    const { pid } = api.servers.nats;
    if (pid === undefined) throw new Error('the server is not ours');
    process.kill(pid, 'SIGSTOP');
    try {
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          api.hook('github', '{}', { ...headers, 'x-github-delivery': `burst-${i}` }),
        ),
      );
      for (const answer of answers) {
        expect(answer.status).toBe(503);
        expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
        expect(await answered(answer)).toMatchObject({ code: 'log-unavailable' });
      }
      const report = await eventually(
        async () => {
          const ready = await api.call('/readyz');
          return ready.status === 503 ? answered(ready) : undefined;
        },
        { withinMs: 10_000 },
      );
      expect(JSON.stringify(report)).toContain('not connected to NATS');
      expect((await api.call('/healthz')).status).toBe(200);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    // The sender's retry is the same delivery, whether or not an earlier try has landed.
    const retried = await eventually(
      async () => {
        const answer = await api.hook('github', '{}', {
          ...headers,
          'x-github-delivery': 'burst-0',
        });
        return answer.status === 202 ? answered(answer) : undefined;
      },
      { withinMs: 10_000 },
    );
    const again = await answered(
      api.hook('github', '{}', { ...headers, 'x-github-delivery': 'burst-0' }),
    );
    expect(again).toMatchObject({ triggerId: retried.triggerId, duplicate: true });
  } finally {
    await api.stop();
  }
});

it('without Postgres runs are still read and taken; lists say what is missing', async () => {
  const api = await startApi({
    config: { DATABASE_URL: 'postgres://nobody:nothing@127.0.0.1:9/none' },
  });
  try {
    const made = await answered(
      api.post('/runs', { jobs: [{ name: 'a', steps: [{ run: 'true' }] }] }),
    );
    expect((await api.call(`/v1/orgs/${ORG}/runs/${made.runId}`)).status).toBe(200);
    const list = await api.call(`/v1/orgs/${ORG}/runs`);
    expect(list.status).toBe(503);
    expect(await answered(list)).toMatchObject({ code: 'read-model-unavailable' });
    const ready = await api.call('/readyz');
    expect(ready.status).toBe(503);
    expect(JSON.stringify(await answered(ready))).toContain('postgres');
  } finally {
    await api.stop();
  }
});

it('at 90 % of a stream nothing new is taken', async () => {
  const api = await startApi();
  try {
    await api.hook('github', '{"a":1}', headers);
    const { bytes } = await api.journal.info('WB_TRIGGERS');
    expect(bytes).toBeGreaterThan(0);
    const full = await startApi({
      servers: api.servers,
      ring: api.ring,
      limits: { streamFullRatio: 0, capacityMs: 10 },
    });
    try {
      // No stream of the log has a limit unless operations set one.
      expect(
        (await full.hook('github', '{"a":1}', { ...headers, 'x-github-delivery': 'd-2' })).status,
      ).toBe(202);
      await limitStream(api, 'WB_TRIGGERS', bytes * 20);
      const answer = await eventually(async () => {
        const each = await full.hook('github', '{"a":1}', {
          ...headers,
          'x-github-delivery': 'd-3',
        });
        return each.status === 503 ? each : undefined;
      });
      const { code, detail } = await answered(answer);
      expect([code, detail.includes('WB_TRIGGERS')]).toEqual(['log-full', true]);
      expect(answer.headers.get('retry-after')).toBe('30');
      expect(
        (await full.post('/runs', { jobs: [{ name: 'a', steps: [{ run: 'true' }] }] })).status,
      ).toBe(503);
      expect((await full.call('/healthz')).status).toBe(200);
    } finally {
      await full.stop();
    }
  } finally {
    await api.stop();
  }
});
