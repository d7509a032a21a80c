import { afterAll, beforeAll, expect, it } from 'vitest';
import { tryActiveLock } from './active-lock.ts';
import { type Bench, startBench } from './projector.fixture.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await startBench();
});
afterAll(() => bench.stop());

it('is held by one at a time, and leaves nothing on the connections of those who ask in vain', async () => {
  const [active, standing] = [await bench.model('lock'), await bench.model('lock')];
  const lock = await tryActiveLock({ model: active });
  const listeners = async (): Promise<number> => {
    const client = await standing.connect();
    const count = client.listenerCount('error') + client.listenerCount('end');
    client.release();
    return count;
  };
  const before = await listeners();
  for (let turn = 0; turn < 20; turn++)
    expect(await tryActiveLock({ model: standing })).toBeUndefined();
  expect(await listeners()).toBe(before);
  await lock?.release();
  const next = await tryActiveLock({ model: standing });
  expect(next).toBeDefined();
  await next?.release();
  expect(await listeners()).toBe(before);
});
