import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { ephemeralRange, freePort, serverRange } from './free-port.ts';

test('a port lies outside the ephemeral range', async () => {
  const [low, high] = ephemeralRange();
  const port = await freePort();
  expect(port < low || port > high).toBe(true);
});

test('the preferred port is taken while it is free', async () => {
  const port = await freePort();
  expect(await freePort(port)).toBe(port);
});

test('a preferred port that is in use is passed over', async () => {
  const server = createServer();
  const port = await freePort();
  await new Promise<void>((resolve) => {
    server.listen(port, '127.0.0.1', resolve);
  });
  expect(await freePort(port)).not.toBe(port);
  server.close();
});

test.each([
  { ephemeral: [32_768, 60_999], servers: [20_000, 32_000] },
  { ephemeral: [15_000, 61_000], servers: [61_001, 65_000] },
  { ephemeral: [9_000, 65_000], servers: [1_024, 8_999] },
  { ephemeral: [1_024, 65_535], servers: [20_000, 32_000] },
] as const)('beside $ephemeral servers get $servers', ({ ephemeral, servers }) => {
  expect(serverRange(ephemeral)).toEqual(servers);
});
