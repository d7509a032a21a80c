/** What the projector tells a tier above: once, behind the rows that say the same, and anew where something may be missing. */
import type { Heard } from '@waybill/journal';
import { systemClock } from '@waybill/process';
import { eventually } from '@waybill/process/testing';
import { allSubjects, jobWords, parseSubject, wire } from '@waybill/protocol';
import { checkpoints } from '@waybill/readmodel';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { rebuildProjections } from './projections.ts';
import { type Bench, startBench, startProjector, upToDate } from './service.fixture.ts';
import { complete, createRun, openLogWriter, work, writeLog } from './shell/run-log.fixture.ts';

let bench: Bench;
const heard: Heard[] = [];
beforeAll(async () => {
  bench = await startBench();
  await bench.journal.listen({
    subjects: [allSubjects.upstream],
    onMessage: (message) => heard.push(message),
    onGap: () => undefined,
  });
});
afterAll(() => bench.stop());

const begun = (): number =>
  heard.filter(({ subject }) => subject === allSubjects.upstreamBegun).length;
const forwards = () =>
  heard.flatMap(({ subject, header, body }) => {
    if (subject === allSubjects.upstreamBegun) return [];
    const frame = wire.parseUpstreamFrame(body);
    if (!frame.ok) throw new Error(JSON.stringify(frame));
    return [{ subject, seq: Number(header('wb-seq')), message: frame.message }];
  });

it('says what the tables say, in the order of the log, each thing once, and nothing while it rebuilds', async () => {
  const writer = openLogWriter(bench.journal, 'main');
  await writeLog(writer, 1);
  const model = await bench.model('upstream');
  const first = await startProjector(bench, 'upstream');
  await upToDate(bench, model);
  const runId = await createRun(writer, 'told-1', [{ name: 'a' }]);
  await work(writer, { runId });
  const seq = await eventually(
    () =>
      forwards().find(
        ({ message }) => message.type === 'step.status.forward' && message.runId === runId,
      )?.seq,
  );
  // Whoever hears it may read it.
  expect(
    (await checkpoints(model.db)).find(({ stream }) => stream === 'WB_RUNS')?.seq,
  ).toBeGreaterThanOrEqual(seq);
  await first.service.stop();
  expect(begun()).toBe(1);

  const second = await startProjector(bench, 'upstream');
  await complete(writer, runId);
  await upToDate(bench, model);
  const isEnded = (): boolean =>
    forwards().some(
      ({ message }) =>
        message.type === 'execution.status' &&
        message.runId === runId &&
        message.status === 'success',
    );
  await eventually(isEnded);
  expect(begun()).toBe(2);
  const all = forwards();
  const before = all.length;
  await second.service.stop();
  await rebuildProjections({ ...bench, model, clock: systemClock });
  expect(forwards()).toHaveLength(before);

  expect(all.map((each) => each.seq)).toEqual(
    all.map((each) => each.seq).toSorted((a, b) => a - b),
  );
  expect(new Set(all.map(({ message }) => message.messageId)).size).toBe(all.length);
  for (const { subject, message } of all)
    expect(parseSubject(subject)).toMatchObject({
      family: 'upstream',
      org: 'main',
      type: message.type,
    });

  const runs = new Map<string, string>();
  const jobs = new Map<string, string>();
  for (const { message } of all) {
    if (message.type === 'execution.status') runs.set(message.runId, message.status);
    if (message.type === 'job.status.forward') jobs.set(message.jobId, message.status);
  }
  const runRows = await model.db.selectFrom('runs').select(['run_id', 'state']).execute();
  const jobRows = await model.db.selectFrom('jobs').select(['job_id', 'state']).execute();
  expect(runRows.length).toBeGreaterThan(5);
  expect(runs).toEqual(new Map(runRows.map((row) => [row.run_id, row.state])));
  const words = new Map(Object.entries(jobWords).map(([state, { wire: word }]) => [state, word]));
  expect(jobs).toEqual(new Map(jobRows.map((row) => [row.job_id, words.get(row.state)])));
});
