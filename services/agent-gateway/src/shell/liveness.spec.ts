import { manualClock } from '@waybill/process';
import { expect, it } from 'vitest';
import { limits } from '../domain/limits.ts';
import { type Probed, startLiveness } from './liveness.ts';

const sliceMs = limits.pingEveryMs / limits.pingSlices;

it('probes every socket once an interval, and no more than a slice of them at a time', async () => {
  const clock = manualClock();
  const liveness = startLiveness(clock);
  const perSlice = 10;
  const probes = Array.from({ length: limits.pingSlices * perSlice }, () => 0);
  const sockets = probes.map(
    (_, index): Probed => ({
      probe: () => {
        probes[index] = (probes[index] ?? 0) + 1;
      },
    }),
  );
  const probed = (): number => probes.reduce((sum, each) => sum + each, 0);
  for (const socket of sockets) liveness.watch(socket);
  for (let slice = 1; slice <= limits.pingSlices; slice++) {
    await clock.advance(sliceMs);
    expect(probed()).toBe(slice * perSlice);
  }
  expect(new Set(probes)).toEqual(new Set([1]));
  const [gone] = sockets;
  if (gone !== undefined) liveness.forget(gone);
  await clock.advance(limits.pingEveryMs);
  expect(probes[0]).toBe(1);
  expect(probed()).toBe(2 * probes.length - 1);
  liveness.stop();
  await clock.advance(limits.pingEveryMs);
  expect(probed()).toBe(2 * probes.length - 1);
});
