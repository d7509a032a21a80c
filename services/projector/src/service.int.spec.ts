import { eventually } from '@waybill/process/testing';
import { runSummary } from '@waybill/readmodel';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Bench,
  dump,
  foldAll,
  startBench,
  startProjector,
  upToDate,
} from './service.fixture.ts';
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
  await writeLog(writer, 2);
});
afterAll(() => bench.stop());

describe('the projector', () => {
  it('folds the log, says that it is ready, and shows a run that goes on', async () => {
    const model = await bench.model('live');
    const { service, ready } = await startProjector(bench, 'live');
    await upToDate(bench, model);
    expect(await eventually(ready)).toBe(true);
    const runId = await createRun(writer, 'live-1', [{ name: 'a' }]);
    await eventually(async () => (await runSummary(model.db, 'main', runId))?.state === 'pending');
    await work(writer, { runId });
    await complete(writer, runId);
    const summary = await eventually(async () => {
      const found = await runSummary(model.db, 'main', runId);
      return found?.state === 'success' ? found : undefined;
    });
    expect(summary.costUsd).toBe(0.25);
    expect(summary.durationMs).toBeGreaterThanOrEqual(0);
    expect(summary.record?.sha256).toMatch(/^[0-9a-f]{64}$/);
    await service.stop();
    expect(await ready()).toBe(false);
  });

  it('goes on with a half-finished run after a restart, without writing anything twice', async () => {
    const model = await bench.model('restarts');
    const runId = await createRun(writer, 'restart-1', [
      { name: 'a' },
      { name: 'b', needs: ['a'] },
    ]);
    await work(writer, { runId });
    const first = await startProjector(bench, 'restarts');
    await upToDate(bench, model);
    await first.service.stop();
    const { service } = await startProjector(bench, 'restarts');
    await work(writer, { runId, index: 1 });
    // `b` was never queued, so that its work is void: the second projector must know.
    await upToDate(bench, model);
    expect(await runSummary(model.db, 'main', runId)).toMatchObject({
      state: 'running',
      anomalies: 5,
    });
    await service.stop();
    const whole = await bench.model('restarts_whole');
    await foldAll(bench, whole, { batchMax: 500 });
    expect(await dump(model)).toEqual(await dump(whole));
  });

  it('works once when two are started, and the second takes over', async () => {
    const model = await bench.model('pair');
    const first = await startProjector(bench, 'pair');
    const second = await startProjector(bench, 'pair');
    await upToDate(bench, model);
    expect(await eventually(first.ready)).toBe(true);
    expect(await eventually(second.ready)).toBe(true);
    await first.service.stop();
    const runId = await createRun(writer, 'pair-1', [{ name: 'a' }]);
    await eventually(async () => (await runSummary(model.db, 'main', runId)) !== undefined, {
      withinMs: 10_000,
    });
    await upToDate(bench, model);
    await second.service.stop();
    const whole = await bench.model('pair_whole');
    await foldAll(bench, whole, { batchMax: 500 });
    expect(await dump(model)).toEqual(await dump(whole));
  });
});
