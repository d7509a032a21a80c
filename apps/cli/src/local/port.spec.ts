import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { choosePort } from './port.ts';

const host = '127.0.0.1';
const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function take(port: number): Promise<number> {
  const server = createServer();
  servers.push(server);
  const listening = Promise.withResolvers<void>();
  server.once('error', () => listening.resolve());
  server.listen(port, host, listening.resolve);
  await listening.promise;
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}

const containing = (text: string): unknown => expect.stringContaining(text);

describe('the port of everything', () => {
  it('is the default or, where somebody has that, the next free one, and says so', async () => {
    await take(7070);
    const said: string[] = [];
    const port = await choosePort(host, undefined, (line) => said.push(line));
    expect(port).toBeGreaterThan(7070);
    expect(said).toEqual([containing(`this is ${port}`)]);
  });

  it('is never another than the one that was asked for', async () => {
    const port = await take(0);
    await expect(choosePort(host, port, () => undefined)).rejects.toMatchObject({
      exitCode: 78,
      message: containing(`port ${port} on ${host}`),
    });
    const free = await choosePort(host, 0, () => undefined);
    expect(free).toBeGreaterThan(0);
    expect(await choosePort(host, free, () => undefined)).toBe(free);
  });

  it('cannot be on an address that this machine does not have', async () => {
    await expect(choosePort('203.0.113.1', undefined, () => undefined)).rejects.toMatchObject({
      exitCode: 78,
    });
  });
});
