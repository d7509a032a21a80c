import { systemClock } from '@waybill/process';
import { eventually } from '@waybill/process/testing';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { projectionStatus, rebuildProjections, verifyProjections } from './projections.ts';
import {
  type Bench,
  dump,
  foldAll,
  startBench,
  startProjector,
  upToDate,
} from './service.fixture.ts';
import { createRun, newRunId, openLogWriter, writeLog } from './shell/run-log.fixture.ts';

let bench: Bench;

beforeAll(async () => {
  bench = await startBench();
  await writeLog(openLogWriter(bench.journal, 'main'), 2);
});
afterAll(() => bench.stop());

it('a rebuild gives the same rows byte for byte, and compares every record', async () => {
  const model = await bench.model('rebuilt');
  await foldAll(bench, model, { batchMax: 500 });
  const before = await dump(model);
  await model.db.updateTable('runs').set({ state: 'nonsense' }).execute();
  await model.db.deleteFrom('steps').execute();
  const reports = await rebuildProjections({ ...bench, model, clock: systemClock, batchMax: 7 });
  expect(await dump(model)).toEqual(before);
  const runs = reports.find(({ stream }) => stream === 'WB_RUNS');
  expect(runs).toMatchObject({
    unreadable: 8,
    records: { compared: 12, written: 0, mismatched: [] },
  });
  expect(reports.map(({ stream }) => stream)).toEqual([
    'WB_CONFIG',
    'WB_AGENTS',
    'WB_TRIGGERS',
    'WB_RUNS',
  ]);
});

it('a rebuild of an empty database writes every record', async () => {
  const model = await bench.model('from_nothing');
  const reports = await rebuildProjections({ ...bench, model, clock: systemClock });
  expect(reports.at(-1)).toMatchObject({ records: { compared: 0, written: 12 } });
  const whole = await bench.model('rebuilt');
  expect(await dump(model)).toEqual(await dump(whole));
});

it('a rebuild tells of a record that differs, and goes on', async () => {
  const model = await bench.model('forged');
  const whole = await bench.model('rebuilt');
  const runId = newRunId('main', 'delivery-0-0');
  const [record] = await whole.db
    .selectFrom('run_records')
    .selectAll()
    .where('run_id', '=', runId)
    .execute();
  if (record === undefined) throw new Error('no record');
  await model.db
    .insertInto('run_records')
    .values({ ...record, sha256: 'forged' })
    .execute();
  const reports = await rebuildProjections({ ...bench, model, clock: systemClock });
  expect(reports.at(-1)?.records.mismatched).toEqual([
    { org: 'main', runId, stored: 'forged', folded: record.sha256 },
  ]);
});

it("a rebuild beside records of another log is refused and changes nothing: this log's would not fit between them", async () => {
  const model = await bench.model('strangers');
  const whole = await bench.model('rebuilt');
  const [record] = await whole.db.selectFrom('run_records').selectAll().limit(1).execute();
  if (record === undefined) throw new Error('no record');
  const stranger = newRunId('main', 'of-another-log');
  await model.db
    .insertInto('run_records')
    .values({ ...record, run_id: stranger })
    .execute();
  const before = await dump(model);
  const error = await rebuildProjections({ ...bench, model, clock: systemClock }).catch(
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ code: 'records-of-another-log', exitCode: 78 });
  expect(String(error)).toContain(stranger);
  expect(await dump(model)).toEqual(before);
});

it('a live projector goes on behind a rebuild', async () => {
  const model = await bench.model('beside');
  const { service, failures } = await startProjector(bench, 'beside');
  await upToDate(bench, model);
  const writer = openLogWriter(bench.journal, 'main');
  const writing = writeLog(openLogWriter(bench.journal, 'beside'), 2);
  await rebuildProjections({ ...bench, model, clock: systemClock });
  await writing;
  const runId = await createRun(writer, 'beside-1', [{ name: 'a' }]);
  await eventually(
    async () =>
      (await model.db.selectFrom('runs').select('run_id').where('run_id', '=', runId).execute())
        .length === 1,
  );
  await upToDate(bench, model);
  expect(failures).toEqual([]);
  expect(await verifyProjections({ ...bench, model, clock: systemClock })).toMatchObject({
    ok: true,
    differences: [],
  });
  await service.stop();
});

it('a verification lists what differs by table and key, and leaves no trace', async () => {
  const model = await bench.model('verified');
  await foldAll(bench, model, { batchMax: 500 });
  const o = { ...bench, model, clock: systemClock };
  const clean = await verifyProjections(o);
  expect(clean).toMatchObject({ ok: true, differences: [] });
  expect(clean.tables.every(({ rows, differences }) => rows > 0 && differences === 0)).toBe(true);
  const changed = newRunId('main', 'delivery-0-0');
  const gone = newRunId('main', 'delivery-1-1');
  await model.db.updateTable('runs').set({ anomalies: 77 }).where('run_id', '=', changed).execute();
  await model.db.deleteFrom('runs').where('run_id', '=', gone).execute();
  await sql`insert into verified.rules select org, 'ghost', generation, source, event, workflow, rule, applied_at, seq from verified.rules limit 1`.execute(
    model.root,
  );
  const found = await verifyProjections(o);
  expect(found.ok).toBe(false);
  expect(
    new Set(found.differences.map(({ table, key, problem }) => `${table} ${key} ${problem}`)),
  ).toEqual(
    new Set([
      `runs ["main", "${changed}"] different`,
      `runs ["main", "${gone}"] missing`,
      `rules ["${found.differences.find(({ table }) => table === 'rules')?.key.split('"')[1]}", "ghost"] surplus`,
    ]),
  );
  const { rows } =
    await sql`select nspname from pg_namespace where nspname like 'waybill_verify%'`.execute(
      model.root,
    );
  expect(rows).toEqual([]);
});

it('the status names the checkpoint, the end of the log and what lies between', async () => {
  const model = await bench.model('behind');
  const empty = await projectionStatus({ ...bench, model });
  const { lastSeq } = await bench.journal.info('WB_RUNS');
  expect(empty.find(({ stream }) => stream === 'WB_RUNS')).toEqual({
    stream: 'WB_RUNS',
    checkpoint: 0,
    lastSeq,
    lag: lastSeq,
    sameLog: true,
  });
  await foldAll(bench, model, { batchMax: 500 });
  expect((await projectionStatus({ ...bench, model })).every(({ lag }) => lag === 0)).toBe(true);
});
