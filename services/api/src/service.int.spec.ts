import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { Script } from 'node:vm';
import { systemClock } from '@waybill/process';
import { eventually } from '@waybill/process/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { limits } from './domain/limits.ts';
import { listen } from './shell/event-client.fixture.ts';
import { API_KEY, answered, ORG, type RunningApi, startApi } from './shell/running-api.fixture.ts';

let api: RunningApi;
let otherIsReady = true;
const upgraded: string[] = [];
beforeAll(async () => {
  api = await startApi({
    checks: [
      {
        name: 'other',
        check: () => (otherIsReady ? { ready: true } : { ready: false, reason: 'it is late' }),
      },
    ],
    upgrades: {
      '/ws': (request, socket) => {
        upgraded.push(request.url ?? '');
        socket.end(
          'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
        );
      },
    },
  });
});
afterAll(() => api.stop());

const upgrade = (path: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const { port, hostname } = new URL(api.url);
    const socket = connect(Number(port), hostname);
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString()));
    socket.on('error', reject);
    socket.on('close', () => resolve(text));
    socket.write(
      `GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n`,
    );
  });

describe('authority', () => {
  const routes: readonly (readonly [string, string])[] = [
    ['GET', '/runs'],
    ['POST', '/runs'],
    ['GET', '/runs/x'],
    ['GET', '/runs/x/events'],
    ['GET', '/runs/x/logs'],
    ['GET', '/tail'],
    ['GET', '/triggers'],
    ['POST', '/triggers'],
    ['GET', '/triggers/x'],
    ['GET', '/agents'],
    ['GET', '/rules'],
    ['PUT', '/rules/x'],
  ];
  it.each(routes)('%s %s needs the key, and the org of the key', async (method, path) => {
    const send = (org: string, authorization?: string) =>
      fetch(`${api.url}/v1/orgs/${org}${path}`, {
        method,
        headers: authorization === undefined ? {} : { authorization },
      });
    for (const wrong of [
      undefined,
      'Bearer wrong',
      `Basic ${API_KEY}`,
      `Bearer ${API_KEY}x`,
      'Bearer ',
    ]) {
      const answer = await send(ORG, wrong);
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toContain('Bearer');
      expect(await answered(answer)).toMatchObject({ code: 'unauthorized' });
    }
    expect((await send('other', 'Bearer wrong')).status).toBe(401);
    const foreign = await send('other', `Bearer ${API_KEY}`);
    expect(foreign.status).toBe(404);
    expect(await answered(foreign)).toMatchObject({
      code: 'not-found',
      detail: 'There is nothing here.',
    });
  });
});

it('what no route has is not found, in the shape of every error', async () => {
  for (const [method, path] of [
    ['GET', '/nothing'],
    ['DELETE', `/v1/orgs/${ORG}/runs`],
    ['GET', '/hooks/main/github'],
    ['POST', '/'],
    ['GET', '/openapi.json'],
    ['GET', '/v1/orgs'],
    ['POST', `/v1/orgs/${ORG}/runs/x/cancel`],
  ] as const) {
    const answer = await api.call(path, { method });
    expect([path, answer.status]).toEqual([path, 404]);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(await answered(answer)).toMatchObject({ code: 'not-found' });
  }
  expect((await api.call('/v1/orgs/%zz/runs')).status).toBe(400);
});

it('as many headers as allowed are taken', async () => {
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const headers = Object.fromEntries(
      Array.from({ length: limits.headers - 2 }, (_, i) => [`x-${i}`, '1']),
    );
    httpRequest(`${api.url}/healthz`, { headers }, (response) =>
      resolve(response.resume().statusCode),
    )
      .on('error', reject)
      .end();
  });
  expect(status).toBe(200);
});

it('readiness asks NATS, Postgres and who else is in the process, and names what is wrong', async () => {
  const ready = await api.call('/readyz');
  expect(ready.status).toBe(200);
  expect(await ready.json()).toEqual({
    ready: true,
    checks: ['api', 'nats', 'postgres', 'other'].map((name) => ({ name, ready: true })),
  });
  otherIsReady = false;
  const late = await api.call('/readyz');
  otherIsReady = true;
  expect(late.status).toBe(503);
  expect(JSON.stringify(await late.json())).toContain(
    '{"name":"other","ready":false,"reason":"it is late"}',
  );
});

it('upgrades go to whoever asked for the path, and nowhere else', async () => {
  expect(await upgrade('/ws?token=x')).toContain('101');
  expect(upgraded).toEqual(['/ws?token=x']);
  for (const path of ['/', '/wss', '/ws/x', '/constructor'])
    expect(await upgrade(path)).toContain('404 Not Found');
});

it.each(['/elsewhere', `/v1/orgs/${ORG}/upstream`])(
  'an upgrade of %s that is refused holds no socket, though its other side stays open',
  async (path) => {
    const { port, hostname } = new URL(api.url);
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    const broken = new Promise((resolve) => {
      socket.once('error', resolve);
    });
    socket.write(
      `GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n`,
    );
    socket.resume();
    await new Promise((resolve) => {
      socket.once('end', resolve);
    });
    await eventually(() => socket.destroyed || !socket.write('still here'), { what: 'its end' });
    expect(await broken).toBeInstanceOf(Error);
  },
);

it('what is not HTTP is answered in the same shape', async () => {
  const { port } = new URL(api.url);
  const text = await new Promise<string>((resolve) => {
    let heard = '';
    const socket = connect(Number(port), '127.0.0.1', () => socket.write('NONSENSE\r\n\r\n'));
    socket.on('data', (chunk) => (heard += chunk.toString()));
    socket.on('close', () => resolve(heard));
  });
  expect(text).toContain('400 Bad Request');
  expect(text).toContain('"code":"request-malformed"');
});

describe('the page', () => {
  it('is one file that may do nothing but what is in it', async () => {
    const answer = await fetch(api.url);
    const text = await answer.text();
    expect(answer.headers.get('content-type')).toContain('text/html');
    const policy = answer.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toMatch(/script-src 'sha256-[\w+/=]+'; style-src 'sha256-[\w+/=]+'/);
    expect(policy).not.toContain('unsafe');
    expect(text).toContain(`data-org="${ORG}"`);
    expect(text).not.toContain('{{');
    expect(text).not.toMatch(
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\son\w+=|\sstyle="/,
    );
    expect(text).not.toContain(API_KEY);
  });

  it('has a script that can be read', async () => {
    const text = await (await fetch(api.url)).text();
    const script = /<script>([\s\S]*)<\/script>/.exec(text)?.[1] ?? '';
    expect(() => new Script(script)).not.toThrow();
  });
});

it('stops: not ready at once, streams ended, the request in flight answered, within the bound', async () => {
  const other = await startApi({ servers: api.servers, ring: api.ring });
  const stream = await listen(other, '/tail');
  const body = JSON.stringify({ jobs: [{ name: 'a', steps: [{ run: 'x' }] }] });
  const inFlight = Promise.withResolvers<number | undefined>();
  const request = httpRequest(`${other.url}/v1/orgs/${ORG}/runs`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${API_KEY}`,
      'content-type': 'application/json',
      'content-length': String(body.length),
    },
  });
  request.on('response', (response) => inFlight.resolve(response.resume().statusCode));
  request.on('error', inFlight.reject);
  const written = Promise.withResolvers<void>();
  request.write(body.slice(0, 10), () => written.resolve());
  await written.promise;
  await expect.poll(async () => (await other.call('/healthz')).status).toBe(200);
  const began = systemClock.monotonicMs();
  const stopping = other.stop();
  await stream.ended;
  request.end(body.slice(10));
  expect(await inFlight.promise).toBe(201);
  await stopping;
  expect(systemClock.monotonicMs() - began).toBeLessThan(limits.stopMs + 1_000);
  await expect(fetch(`${other.url}/healthz`)).rejects.toThrow();
});
