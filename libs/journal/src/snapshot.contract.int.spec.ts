import { systemClock } from '@waybill/process';
import { eventually } from '@waybill/process/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openConnection } from './connection.ts';
import { log, startServer, type TestServer } from './journal.fixture.ts';
import type { Journal } from './journal.ts';
import { openLookup } from './lookup.ts';
import { sweep } from './object-bucket.ts';
import type { Snapshot } from './snapshot.ts';

const positions = { WB_RUNS: { identity: 'log-1', seq: 4_711, id: 'event-4711' } };
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const partsOf = async (snapshot: Snapshot | undefined): Promise<readonly string[]> => {
  const found: string[] = [];
  for await (const part of snapshot?.parts ?? []) found.push(new TextDecoder().decode(part));
  return found;
};

describe('a snapshot', () => {
  let server: TestServer;
  let journal: Journal;
  beforeAll(async () => {
    server = await startServer();
    ({ journal } = server);
  });
  afterAll(() => server?.stop());

  let count = 0;
  const freshName = (): string => `dispatcher.${++count}of9`;
  const save = (name: string, ...texts: readonly string[]): Promise<void> =>
    journal.saveSnapshot(name, { positions, foldVersion: 3, parts: texts.map(bytesOf) });
  const chunkSubjects = async (): Promise<readonly string[]> => {
    const options = { subjects_filter: '$O.WB_SNAPSHOTS.C.>' };
    const info = await server.jsm.streams.info('OBJ_WB_SNAPSHOTS', options);
    return Object.keys(info.state.subjects ?? {});
  };

  it('is the newest one that was saved, part by part, with where its fold stood', async () => {
    const name = freshName();
    expect(await journal.loadSnapshot(name, 3)).toBeUndefined();
    await save(name, 'first');
    await save(name, 'second', '', 'x'.repeat(2_000_000), 'end');
    const found = await (await server.another()).loadSnapshot(name, 3);
    expect(found).toMatchObject({ positions, foldVersion: 3 });
    expect(await partsOf(found)).toEqual(['second', '', 'x'.repeat(2_000_000), 'end']);
  });

  it('may have no parts at all', async () => {
    const name = freshName();
    await save(name);
    expect(await partsOf(await journal.loadSnapshot(name, 3))).toEqual([]);
  });

  it('of another fold version is as if there were none', async () => {
    const name = freshName();
    await save(name, 'folded by version 3');
    expect(await journal.loadSnapshot(name, 4)).toBeUndefined();
    expect(await journal.loadSnapshot(name, 3)).toBeDefined();
  });

  it('that fails while it is saved leaves the one before, and nothing of itself', async () => {
    const name = freshName();
    await save(name, 'whole');
    const before = (await chunkSubjects()).length;
    async function* parts(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(3_000_000);
      await Promise.resolve();
      throw new Error('the fold has broken');
    }
    const broken = journal.saveSnapshot(name, { positions, foldVersion: 3, parts: parts() });
    await expect(broken).rejects.toThrow('the fold has broken');
    expect(await partsOf(await journal.loadSnapshot(name, 3))).toEqual(['whole']);
    expect(await chunkSubjects()).toHaveLength(before);
  });

  it('that is cut by the end of its process leaves the one before', async () => {
    const name = freshName();
    await save(name, 'whole');
    const before = (await chunkSubjects()).length;
    const other = await server.another();
    const stuck = Promise.withResolvers<void>();
    async function* parts(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(3_000_000);
      await stuck.promise;
    }
    const cut = other.saveSnapshot(name, { positions, foldVersion: 3, parts: parts() });
    cut.catch(() => undefined);
    await eventually(async () => (await chunkSubjects()).length > before);
    await other.close();
    await expect(cut).rejects.toMatchObject({ name: 'Outage' });
    stuck.resolve();
    expect(await partsOf(await journal.loadSnapshot(name, 3))).toEqual(['whole']);
    // What it left behind goes with a later save, once it is certain that nobody goes on with it.
    expect((await chunkSubjects()).length).toBeGreaterThan(before);
    expect(await sweepAll(0)).toBe(1);
    expect(await chunkSubjects()).toHaveLength(before);
    expect(await partsOf(await journal.loadSnapshot(name, 3))).toEqual(['whole']);
  });

  it('that is damaged is as if there were none', async () => {
    const name = freshName();
    const known = new Set(await chunkSubjects());
    await save(name, 'x'.repeat(2_000_000));
    const subject = (await chunkSubjects()).find((each) => !known.has(each)) ?? '';
    server.raw.publish(subject, 'one chunk too many');
    await server.raw.flush();
    expect(await journal.loadSnapshot(name, 3)).toBeUndefined();
    await server.jsm.streams.purge('OBJ_WB_SNAPSHOTS', { filter: subject, keep: 1 });
    expect(await journal.loadSnapshot(name, 3)).toBeUndefined();
    await server.jsm.streams.purge('OBJ_WB_SNAPSHOTS', { filter: subject });
    expect(await journal.loadSnapshot(name, 3)).toBeUndefined();
    await save(name, 'whole again');
    expect(await partsOf(await journal.loadSnapshot(name, 3))).toEqual(['whole again']);
  });

  it('is kept once under each name', async () => {
    const name = freshName();
    await save(name, 'x'.repeat(1_000_000));
    const before = (await chunkSubjects()).length;
    for (let n = 0; n < 3; n++) await save(name, `${n}`.repeat(1_000_000));
    expect(await chunkSubjects()).toHaveLength(before);
    expect(await partsOf(await journal.loadSnapshot(name, 3))).toEqual(['2'.repeat(1_000_000)]);
  });

  it('saved by two at a time is one of the two, whole', async () => {
    const name = freshName();
    const other = await server.another();
    const texts = ['a', 'b'].map((letter) => letter.repeat(3_000_000));
    await Promise.all(
      [journal, other].map((each, n) =>
        each.saveSnapshot(name, { positions, foldVersion: 3, parts: [bytesOf(texts[n] ?? '')] }),
      ),
    );
    const [found] = await partsOf(await journal.loadSnapshot(name, 3));
    expect(texts).toContain(found);
  });

  it('can be read while it is replaced', async () => {
    const name = freshName();
    await save(name, '0'.repeat(3_000_000));
    const done = new AbortController();
    const saved = (async () => {
      for (let n = 1; n <= 5; n++) await save(name, `${n}`.repeat(3_000_000));
      done.abort();
    })();
    let loads = 0;
    while (!done.signal.aborted) {
      const [found = ''] = await partsOf(await journal.loadSnapshot(name, 3));
      expect(found).toBe((found[0] ?? '').repeat(3_000_000));
      loads += 1;
    }
    await saved;
    expect(loads).toBeGreaterThan(0);
  });

  it('refuses a name that is no file name', async () => {
    await expect(save('a/b', 'x')).rejects.toThrow(TypeError);
  });

  /** Through a journal's own connection, which a test does not see. */
  const sweepAll = async (olderThanMs: number): Promise<number> => {
    const { url, user, password } = server.nats;
    const nats = { url, user, password };
    const connection = await openConnection({ nats, name: 'spec', clock: systemClock, log });
    const lookup = openLookup(connection);
    try {
      return await sweep(connection, lookup, 'OBJ_WB_SNAPSHOTS', olderThanMs);
    } finally {
      lookup.close();
      await connection.close();
    }
  };
});
