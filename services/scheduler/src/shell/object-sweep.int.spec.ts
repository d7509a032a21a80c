/** On a real log: what nobody has committed goes, where the lease is held and nowhere else. */
import { type ObjectEntry, type Objects, openObjects } from '@waybill/objects';
import { createKeyRing } from '@waybill/process';
import { eventually } from '@waybill/process/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestLog, type TestLog } from '../../../../tests/support/log.ts';
import { startObjectSweep } from './object-sweep.ts';

async function* one(text: string): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  yield Buffer.from(text);
}

describe('the sweep of objects', () => {
  let log: TestLog;
  let objects: Objects;
  beforeAll(async () => {
    log = await startTestLog();
    const ring = await createKeyRing();
    const publicUrl = 'http://localhost:1';
    // Caches are too old at once.
    const settings = { limits: { cacheTtlMs: -60_000 } };
    objects = await openObjects({ journal: log.journal, ring, publicUrl, settings, ...log.host });
  });
  afterAll(async () => {
    await objects?.close();
    await log?.stop();
  });

  it('is made by the one that leads, again and again, and ends with it', async () => {
    const settings = { limits: { cacheTtlMs: -60_000 } };
    const asked = { leader: 0, other: 0 };
    const start = (name: keyof typeof asked, leads: boolean) =>
      startObjectSweep({
        journal: log.journal,
        ...log.host,
        settings,
        everyMs: 20,
        leads: () => {
          asked[name] += 1;
          return leads;
        },
      });
    const write = (name: string) =>
      objects.write({ org: 'main', kind: 'cache', scope: '', name }, one(name));
    const other = start('other', false);
    const cache = await write('first');
    await eventually(() => asked.other > 5);
    expect(await objects.find(cache)).toEqual(cache);
    const leader = start('leader', true);
    const isSwept = (entry: ObjectEntry) => async () => (await objects.find(entry)) === undefined;
    await eventually(isSwept(cache));
    for (const name of ['second', 'third']) await eventually(isSwept(await write(name)));
    await leader.stop();
    const kept = await write('fourth');
    const { other: before } = asked;
    await eventually(() => asked.other > before + 5);
    expect(await objects.find(kept)).toEqual(kept);
    await other.stop();
  });
});
