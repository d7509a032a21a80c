import { createLogger } from '@waybill/process';
import { connectReadModel, type ReadModel, runRecord } from '@waybill/readmodel';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Home, openHome } from './waybill.fixture.ts';

const Runs = z.looseObject({
  items: z.array(z.looseObject({ runId: z.string(), state: z.string() })),
});
const shaOf = (stdout: string): string => /SHA-256 +([0-9a-f]{64})/.exec(stdout)?.[1] ?? '';
const previousOf = (stdout: string): string => /previous +(\S+)/.exec(stdout)?.[1] ?? '';

describe('the main job', () => {
  let home: Home;
  let model: ReadModel | undefined;

  beforeAll(async () => {
    home = await openHome();
  });
  afterAll(async () => {
    await model?.close();
    await home.close();
  });

  it('ends with 0 and the sealed record, and the next one finds it and continues its chain', {
    timeout: 120_000,
  }, async () => {
    const first = await home.run(['start', '--once']);
    expect(first.stderr).not.toContain('earlier run');
    expect({ code: first.code, stderr: first.stderr }).toMatchObject({ code: 0 });
    for (const told of [
      'offered to',
      'acknowledged',
      'step "unit tests"',
      '1 + 2 = 3',
      'success',
      'The sealed record',
      'npx waybill',
    ])
      expect(first.stdout).toContain(told);
    expect(shaOf(first.stdout)).not.toBe('');
    expect(first.stdout).toContain('none: this is the first record');

    const second = await home.run(['start', '--once']);
    expect(second.code).toBe(0);
    expect(second.stderr).toContain('Found 1 earlier run');
    expect(previousOf(second.stdout)).toBe(shaOf(first.stdout));
    expect(first.stdout + second.stdout + first.stderr + second.stderr).not.toMatch(
      /wb[kas]_[0-9a-f]{64}/,
    );
  });

  it('leaves a record that SQL reads as the command does, and that no statement changes', {
    timeout: 60_000,
  }, async () => {
    await home.up();
    const { items } = await home.json(Runs, 'runs', 'ls');
    expect(items.map(({ state }) => state)).toEqual(['success', 'success']);
    const runId = items[0]?.runId ?? '';
    const run = await home.json(z.record(z.string(), z.unknown()), 'runs', 'get', runId);

    const { DATABASE_URL: databaseUrl = '' } = await home.servers();
    model = connectReadModel({ databaseUrl, log: createLogger({ name: 'test', level: 'silent' }) });
    const record = await runRecord(model.db, 'main', runId);
    const body: unknown = JSON.parse(Buffer.from(record?.body ?? []).toString('utf8'));
    const { sha256, firstSeq, lastSeq } = record ?? {};
    expect(body).toMatchObject({
      recordVersion: 1,
      org: 'main',
      runId,
      previous: record?.previousSha256,
    });
    const { record: reference, ...view } = run;
    expect(reference).toEqual({ sha256, firstSeq, lastSeq });
    expect(z.looseObject({ run: z.unknown() }).parse(body).run).toEqual(view);

    for (const statement of [
      'update waybill.run_records set sha256 = sha256',
      'delete from waybill.run_records',
      'truncate waybill.run_records',
    ])
      await expect(model.pool.query(statement)).rejects.toThrow(/run records never change/);
  });

  it('keeps tables that are what the log says, also after they were rebuilt', {
    timeout: 60_000,
  }, async () => {
    expect(await home.run(['projections', 'verify'])).toMatchObject({ code: 0 });
    expect(await home.run(['projections', 'rebuild'])).toMatchObject({ code: 0 });
    expect(await home.run(['projections', 'verify'])).toMatchObject({ code: 0 });
    expect(await home.run(['doctor'])).toMatchObject({ code: 0 });
  });
});
