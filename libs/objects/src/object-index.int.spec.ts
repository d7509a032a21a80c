import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findNatsServer, type NatsServer, startNats } from '@waybill/embedded';
import { type Journal, openJournal } from '@waybill/journal';
import { createKeyRing, createLogger, type KeyRing, systemClock } from '@waybill/process';
import { eventually } from '@waybill/process/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ObjectName, Objects } from './object.ts';
import { openObjects } from './objects.ts';

async function* one(text: string): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  yield Buffer.from(text);
}

describe('what is known of objects', () => {
  const host = { clock: systemClock, log: createLogger({ name: 'spec', level: 'silent' }) };
  let dir: string;
  let nats: NatsServer;
  let ring: KeyRing;
  const journals: Journal[] = [];
  const processes: Objects[] = [];
  const start = async (): Promise<Objects> => {
    const { url, user, password } = nats;
    const journal = await openJournal({ nats: { url, user, password }, name: 'spec', ...host });
    journals.push(journal);
    await journal.provision();
    const publicUrl = 'http://localhost:1';
    const objects = await openObjects({ journal, ring, publicUrl, settings: {}, ...host });
    processes.push(objects);
    return objects;
  };
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'waybill-objects-'));
    const binary = await findNatsServer({ named: process.env['NATS_SERVER_BIN'] });
    nats = await startNats({ dir, binary, durability: 'fast' });
    ring = await createKeyRing();
  });
  afterAll(async () => {
    for (const each of processes) await each.close();
    for (const each of journals) await each.close();
    await nats?.stop();
    await rm(dir, { recursive: true, force: true });
  });

  const group = { org: 'main', kind: 'cache' as const, scope: '' };
  const name = (text: string): ObjectName => ({ ...group, name: text });

  it('is what every process has written, at once, over a crash of the server too', async () => {
    const [one_, two] = [await start(), await start()];
    const newest = async (): Promise<readonly (string | undefined)[]> =>
      Promise.all([one_, two].map(async (each) => (await each.newest(group, ''))?.name));
    for (let n = 0; n < 20; n++) {
      const [writer, reader] = n % 2 === 0 ? [one_, two] : [two, one_];
      await writer.write(name(`n${n}`), one(`n${n}`));
      expect((await reader.newest(group, ''))?.name).toBe(`n${n}`);
    }
    await nats.kill();
    await expect(one_.newest(group, '')).rejects.toMatchObject({ name: 'Outage' });
    expect(await one_.beginUpload(name('x'), null)).toEqual({ refusal: 'unavailable' });
    await nats.restart();
    await eventually(async () => (await newest()).every((each) => each === 'n19'));
    const last = await one_.find(name('n19'));
    if (last !== undefined) await two.remove(last);
    expect(await newest()).toEqual(['n18', 'n18']);
    await two.write(name('after'), one('after'));
    expect(await newest()).toEqual(['after', 'after']);
    const third = await start();
    expect(await third.list({ org: 'main', kind: 'cache' })).toHaveLength(20);
    expect(await third.list({ org: 'other', kind: 'cache' })).toEqual([]);
    expect((await third.newest(group, 'n'))?.name).toBe('n18');
  });
});
