import type { PostgresServer } from '@waybill/embedded';
import { openJournal } from '@waybill/journal';
import { systemClock } from '@waybill/process';
import { eventually } from '@waybill/process/testing';
import { streams } from '@waybill/protocol';
import { connectReadModel, migrate, type ReadModel } from '@waybill/readmodel';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type Bench,
  dump,
  foldAll,
  startBench,
  startProjector,
  upToDate,
} from './service.fixture.ts';
import { applyBatch } from './shell/batch.ts';
import { openProjections } from './shell/projection-list.ts';
import { quietDeadLetters, startOwnPostgres } from './shell/projector.fixture.ts';
import { openLogWriter, writeLog } from './shell/run-log.fixture.ts';

let bench: Bench;
let postgres: PostgresServer;
let model: ReadModel;

beforeAll(async () => {
  [bench, postgres] = await Promise.all([startBench(), startOwnPostgres()]);
  await writeLog(openLogWriter(bench.journal, 'main'), 1);
  model = connectReadModel({ databaseUrl: postgres.url, log: bench.log });
  await migrate(model);
});
afterAll(async () => {
  await model.close();
  await Promise.all([bench.stop(), postgres.stop()]);
});

it('a projector that dies between commit and acknowledgement leaves nothing double and nothing out', async () => {
  const schema = 'crashed';
  const crashed = await bench.model(schema);
  const dying = await openJournal({
    nats: bench.nats,
    name: 'dying',
    clock: systemClock,
    log: bench.log,
  });
  const committed = Promise.withResolvers<void>();
  const projection = openProjections(bench).find(({ stream }) => stream === 'WB_RUNS');
  if (projection === undefined) throw new Error('no projection');
  const { identity } = await bench.journal.info('WB_RUNS');
  const target = { model: crashed, projection, identity, deadLetters: quietDeadLetters(bench) };
  await dying.consume({
    stream: 'WB_RUNS',
    durable: 'projector-wb_runs',
    filters: streams.WB_RUNS.subjects,
    from: undefined,
    batchMax: 10,
    onBatch: async (messages) => {
      await applyBatch(target, messages, 0);
      committed.resolve();
      await Promise.withResolvers<never>().promise;
    },
    onFailure: () => undefined,
  });
  await committed.promise;
  void dying.close();
  const { service } = await startProjector(bench, schema);
  await upToDate(bench, crashed);
  await service.stop();
  const whole = await bench.model('crashed_whole');
  await foldAll(bench, whole, { batchMax: 500 });
  expect(await dump(crashed)).toEqual(await dump(whole));
});

it('a Postgres that is killed and comes back finds every batch whole, and readiness tells of it', async () => {
  const { service, ready, failures } = await startProjector(bench, 'waybill', postgres.url);
  await upToDate(bench, model);
  expect(await eventually(ready)).toBe(true);
  const writing = writeLog(openLogWriter(bench.journal, 'second'), 3);
  await eventually(
    async () =>
      (await model.db.selectFrom('runs').select('run_id').where('org', '=', 'second').execute())
        .length > 2,
  );
  await postgres.kill();
  expect(await eventually(async () => !(await ready()))).toBe(true);
  await writing;
  await postgres.restart();
  await upToDate(bench, model);
  expect(await eventually(ready, { withinMs: 10_000 })).toBe(true);
  expect(failures).toEqual([]);
  await service.stop();
  const whole = await bench.model('killed_whole');
  await foldAll(bench, whole, { batchMax: 500 });
  expect(await dump(model)).toEqual(await dump(whole));
});
