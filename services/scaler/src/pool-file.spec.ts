import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readPools } from './pool-file.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'waybill-pools-'));
afterAll(() => rmSync(folder, { recursive: true }));

function fileOf(text: string): string {
  const file = path.join(folder, 'pools');
  writeFileSync(file, text);
  return file;
}
const wrong = (text: string): Promise<string> =>
  readPools(fileOf(text)).then(
    () => 'nothing',
    (error: unknown) => String(error).split('\n').slice(1).join('\n'),
  );

describe('the file of the pools', () => {
  it('is YAML, and labels of the host are added as a runner adds them', async () => {
    const pools = await readPools(
      fileOf(
        'pools:\n  - { name: big, labels: [gpu], min: 1, max: 4, concurrency: 2, idleTimeout: 5m }',
      ),
    );
    expect(pools).toMatchObject([
      {
        name: 'big',
        min: 1,
        max: 4,
        concurrency: 2,
        idleTimeoutMs: 300_000,
        startTimeoutMs: 30_000,
      },
    ]);
    expect(pools[0]?.labels).toEqual(
      expect.arrayContaining(['gpu', `os:${process.platform}`, `arch:${process.arch}`]),
    );
  });

  it('may be JSON, and need not be there', async () => {
    expect(await readPools(fileOf('{"pools":[{"name":"a","max":1}]}'))).toHaveLength(1);
    expect(await readPools(undefined)).toMatchObject([{ name: 'local', min: 0, max: 2 }]);
  });

  it.each([
    ['pools: []', 'pools'],
    ['pools:\n  - { name: A, max: 1 }', 'pools.0.name'],
    ['pools:\n  - { name: a, max: 0 }', 'pools.0.max'],
    ['pools:\n  - { name: a, max: 1, min: 2 }', 'pools.0.min in'],
    ['pools:\n  - { name: a, max: 1, idleTimeout: soon }', 'pools.0.idleTimeout'],
    ['pools:\n  - { name: a, max: 1, idleTimeout: 0s }', 'must not be 0'],
    ['pools:\n  - { name: a, max: 1, startTimeout: 1ms }', 'must be 1s or more'],
    ['pools:\n  - { name: a, max: 1, labels: ["x,y"] }', 'must not hold a comma'],
    ['pools:\n  - { name: a, max: 1, colour: red }', 'colour'],
    ['pools:\n  - { name: a, max: 1 }\n  - { name: a, max: 1 }', 'must have names of their own'],
    ['pools: [', 'cannot be read'],
  ])('says what is wrong with %j', async (text, said) => {
    const message = await wrong(text);
    expect(message).toContain('WAYBILL_SCALER_POOLS');
    expect(message).toContain(said);
  });

  it('says that it is not there', async () => {
    await expect(readPools(path.join(folder, 'none'))).rejects.toMatchObject({ exitCode: 78 });
  });
});
