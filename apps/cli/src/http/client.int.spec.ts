import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '@waybill/process';
import { afterEach, describe, expect, it } from 'vitest';
import { type Client, createClient } from './client.ts';
import { following } from './following.ts';

let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

type Answer = (response: ServerResponse, lastEventId: string | undefined, count: number) => void;

async function clientOf(answer: Answer): Promise<Client> {
  let count = 0;
  server = createServer((request, response) => {
    count += 1;
    const id = request.headers['last-event-id'];
    answer(response, typeof id === 'string' ? id : undefined, count);
  });
  const listening = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', listening.resolve);
  await listening.promise;
  const { port } = server.address() as AddressInfo; // it listens on a port
  return createClient({
    url: `http://127.0.0.1:${port}`,
    org: 'main',
    apiKey: 'wbk_secret_of_the_test',
  });
}

const problem = (response: ServerResponse, status: number, more: object = {}): void => {
  response.writeHead(status, { 'content-type': 'application/problem+json' });
  response.end(
    JSON.stringify({
      title: 'It is refused',
      status,
      code: 'x',
      detail: 'The detail.',
      fix: 'The fix.',
      requestId: 'r-1',
      ...more,
    }),
  );
};

describe('a refusal', () => {
  it.each([
    [400, 1],
    [401, 78],
    [404, 1],
    [409, 1],
    [429, 75],
    [500, 1],
    [503, 75],
  ])('with %d ends a command with %d', async (status, exitCode) => {
    const client = await clientOf((response) => problem(response, status));
    await expect(client.get('/x')).rejects.toMatchObject({ exitCode });
  });

  it('is shown with title, detail, every mistake with its place, and the fix', async () => {
    const errors = [
      { path: 'spec.jobs', message: 'is required', line: 3, column: 5 },
      { path: 'jobs[0].name', message: 'is too long' },
    ];
    const client = await clientOf((response) => problem(response, 400, { errors }));
    const message = await client
      .get('/x')
      .catch((error: unknown) => (error instanceof Error ? error.message : ''));
    expect(message).toBe(
      'It is refused (400)\n  The detail.\n  - 3:5: spec.jobs: is required\n  - jobs[0].name: is too long\n  The fix.',
    );
  });

  it('that is no problem document names its status', async () => {
    const client = await clientOf((response) => response.writeHead(502).end('<html>'));
    await expect(client.get('/x')).rejects.toThrow(/answered 502/);
  });
});

describe('following', () => {
  it('goes on after the last id when the connection breaks, without a gap or a repeat', async () => {
    const asked: (string | undefined)[] = [];
    const client = await clientOf((response, lastEventId, count) => {
      asked.push(lastEventId);
      const from = Number(lastEventId ?? 0);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`id: ${from + 1}\ndata: ${from + 1}\n\n`);
      if (count === 1) response.write('id: 9\ndata: half', () => response.destroy());
      else response.end(`id: ${from + 2}\ndata: ${from + 2}\n\n`);
    });
    const data: string[] = [];
    const breaks: string[] = [];
    const stop = new AbortController();
    for await (const event of following(client, '/x', {
      clock: systemClock,
      signal: stop.signal,
      onBreak: (reason) => breaks.push(reason),
    })) {
      data.push(event.data);
      if (data.length === 3) break;
    }
    expect(data).toEqual(['1', '2', '3']);
    expect(asked).toEqual([undefined, '1']);
    expect(breaks).toHaveLength(1);
  });

  it('ends with a refusal that waiting does not mend, and when nobody was there to begin with', async () => {
    const read = async (client: Client): Promise<void> => {
      for await (const _ of following(client, '/x', {
        clock: systemClock,
        signal: new AbortController().signal,
      }));
    };
    const client = await clientOf((response) => problem(response, 410));
    await expect(read(client)).rejects.toMatchObject({ exitCode: 1, status: 410 });
    const nobody = createClient({ url: 'http://127.0.0.1:9', org: 'main', apiKey: undefined });
    await expect(read(nobody)).rejects.toMatchObject({ exitCode: 69 });
  });
});
