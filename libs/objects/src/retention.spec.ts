import { createLogger, systemClock } from '@waybill/process';
import { expect, it } from 'vitest';
import { objectLimits } from './limits.ts';
import type { KnownNote, ObjectIndex } from './object-index.ts';
import type { ObjectStorage } from './object-storage.ts';
import { sweepAll } from './retention.ts';

it('a sweep under way while the table is read anew takes nothing for which an object stands', async () => {
  const deleted: string[] = [];
  const noteOf = (key: string): KnownNote => ({
    key: `n.main.x.${key}`,
    seq: 1,
    value: { org: 'main', keys: [`nats:${key}`], expiresAt: 0 },
  });
  const index: ObjectIndex = {
    fresh: () => Promise.resolve(),
    group: () => [],
    entries: () => [],
    entry: () => undefined,
    notes: () => [noteOf('left'), noteOf('standing')],
    notesOf: () => [],
    uploadCount: () => 0,
    uploadBytes: () => 0,
    // From the first removal on nothing is known.
    isUsed: (key) => key === 'nats:standing' && deleted.length === 0,
    usedBytes: () => 0,
    close: () => Promise.resolve(),
  };
  const never = (): never => {
    throw new Error('not asked for');
  };
  const place = {
    stat: never,
    sha256: never,
    settle: never,
    write: never,
    read: never,
    tidy: never,
    delete: (key: string) => Promise.resolve(void deleted.push(key)),
  };
  const storage: ObjectStorage = {
    table: {
      create: never,
      get: never,
      put: () => Promise.resolve(2),
      delete: () => Promise.resolve(true),
      newestSeq: never,
      watch: never,
    },
    index,
    places: { keyOf: never, at: () => place, all: [place] },
    limits: objectLimits,
    clock: systemClock,
    log: createLogger({ name: 'test', level: 'silent' }),
  };
  await sweepAll(storage, objectLimits.graceMs + 1);
  expect(deleted).toEqual(['nats:left']);
});
