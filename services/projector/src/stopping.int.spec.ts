import { isLogRegressed } from '@waybill/journal';
import { eventually } from '@waybill/process/testing';
import { runDraft } from '@waybill/protocol';
import { runSummary } from '@waybill/readmodel';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Bench, startBench, startProjector, upToDate } from './service.fixture.ts';
import {
  complete,
  createRun,
  type LogWriter,
  openLogWriter,
  work,
  writeLog,
} from './shell/run-log.fixture.ts';

let bench: Bench;
let writer: LogWriter;

beforeAll(async () => {
  bench = await startBench();
  writer = openLogWriter(bench.journal, 'main');
  await writeLog(writer, 1);
});
afterAll(() => bench.stop());

it('stops by name where a record says otherwise than the log, and leaves the record as it is', async () => {
  const model = await bench.model('mismatch');
  const { service, failures, ready } = await startProjector(bench, 'mismatch');
  await upToDate(bench, model);
  const runId = await createRun(writer, 'mismatch-1', [{ name: 'a' }]);
  const [other] = await model.db.selectFrom('run_records').selectAll().limit(1).execute();
  if (other === undefined) throw new Error('no record');
  await model.db
    .insertInto('run_records')
    .values({ ...other, run_id: runId, last_seq: 1_000_000, sha256: 'forged' })
    .execute();
  await work(writer, { runId });
  await complete(writer, runId);
  const failure = await eventually(() => failures[0]);
  expect(failure.name).toBe('RecordMismatch');
  expect(failure.message).toContain(runId);
  expect(await ready()).toBe(false);
  // The batch is undone whole: the run still stands as it did before it ended.
  expect((await runSummary(model.db, 'main', runId))?.state).not.toBe('success');
  await service.stop();
});

it('stops by name on a log that is another one than it has read', async () => {
  const model = await bench.model('regressed');
  const first = await startProjector(bench, 'regressed');
  await upToDate(bench, model);
  await first.service.stop();
  await model.db
    .updateTable('checkpoints')
    .set({ identity: 'another' })
    .where('stream', '=', 'WB_RUNS')
    .execute();
  const outcome = await startProjector(bench, 'regressed').then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(isLogRegressed(outcome)).toBe(true);
});

it('stops by name when its database went back to an earlier state while it ran', async () => {
  const model = await bench.model('moved');
  const { service, failures } = await startProjector(bench, 'moved');
  await upToDate(bench, model);
  await model.db
    .updateTable('checkpoints')
    .set({ seq: 1 })
    .where('stream', '=', 'WB_RUNS')
    .execute();
  await createRun(writer, 'moved-1', [{ name: 'a' }]);
  const failure = await eventually(() => failures[0]);
  expect(failure.name).toBe('CheckpointMoved');
  await service.stop();
});

it('stops by name at an event of a newer build, and is not ready', async () => {
  await bench.model('newer');
  const { service, failures, ready } = await startProjector(bench, 'newer');
  const runId = await createRun(writer, 'newer-1', [{ name: 'a' }]);
  const meta = { id: 'newer', source: '/test' };
  const draft = runDraft({ org: 'main', runId, type: 'job.ack', meta, body: '{}' });
  const seq = await writer.append({ ...draft, extra: { 'wb-version': '99' } });
  const failure = await eventually(() => failures[0]);
  expect(failure.message).toContain(`WB_RUNS ${seq}: schema version 99`);
  expect(await ready()).toBe(false);
  expect(await service.checks[0]?.check()).toEqual({ ready: false, reason: failure.message });
  await service.stop();
});
