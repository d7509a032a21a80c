import { gunzipSync } from 'node:zlib';
import { logArchiveName, type Objects, openObjects, unarchived } from '@waybill/objects';
import { createKeyRing, systemClock } from '@waybill/process';
import { eventually } from '@waybill/process/testing';
import { jobId, type LogView, subjects } from '@waybill/protocol';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Bench, startBench } from './service.fixture.ts';
import { openLogArchiver } from './shell/log-archiver.ts';
import {
  complete,
  createRun,
  type LogWriter,
  openLogWriter,
  work,
} from './shell/run-log.fixture.ts';

const ORG = 'main';
let bench: Bench;
let writer: LogWriter;
let objects: Objects;

beforeAll(async () => {
  bench = await startBench();
  writer = openLogWriter(bench.journal, ORG);
  const ring = await createKeyRing();
  objects = await openObjects({ ...bench, ring, clock: systemClock, publicUrl: '', settings: {} });
});
afterAll(async () => {
  await objects.close();
  await bench.stop();
});

async function finishedRun(delivery: string, chunks: number): Promise<string> {
  const runId = await createRun(writer, delivery, [{ name: 'a' }]);
  const job = jobId(runId, 0);
  for (let each = 0; each < chunks; each++)
    await bench.journal.append({
      stream: 'WB_LOGS',
      subject: subjects.log(ORG, runId, job),
      type: 'log.chunk',
      meta: { id: `${runId}:${each}`, source: '/test', runId, jobId: job, attempt: 1 },
      body: JSON.stringify({
        type: 'log.chunk',
        messageId: `m${each}`,
        runId,
        jobId: job,
        stepIndex: -1,
        lines: [`line ${each}`, 'ünïcode'],
        timestamp: 1,
      }),
    });
  await work(writer, { runId });
  await complete(writer, runId);
  return runId;
}

const archiveOf = (runId: string) => objects.find(logArchiveName(ORG, runId));

async function read(runId: string): Promise<readonly LogView[]> {
  const entry = await archiveOf(runId);
  if (entry === undefined) throw new Error('it is not archived');
  const views: LogView[] = [];
  for await (const view of unarchived(await objects.read(entry))) views.push(view);
  return views;
}

const archiver = () =>
  openLogArchiver({
    ...bench,
    objects,
    delayMs: 0,
    clock: systemClock,
    onFailure: (error) => {
      throw error;
    },
  });

it('archives the whole log of a run that has ended, as one object of gzipped JSON lines', async () => {
  const runId = await finishedRun('archived', 1_203);
  const { stop } = await archiver();
  const entry = await eventually(() => archiveOf(runId));
  const views = await read(runId);
  expect(views).toHaveLength(1_203);
  expect(views.map(({ lines }) => lines[0])).toEqual(views.map((_, each) => `line ${each}`));
  expect(views[0]).toMatchObject({ jobId: jobId(runId, 0), attempt: 1, stepIndex: -1 });
  expect(entry).toMatchObject({
    mediaType: 'application/x-ndjson+gzip',
    labels: { firstSeq: String(views[0]?.seq), lastSeq: String(views.at(-1)?.seq) },
  });
  const pieces: Uint8Array[] = [];
  for await (const piece of await objects.read(entry)) pieces.push(piece);
  expect(gunzipSync(Buffer.concat(pieces)).toString().split('\n')).toHaveLength(1_204);
  await stop();
});

it('goes on where it was, archives nothing twice, and leaves a run without a log alone', async () => {
  const silent = await finishedRun('silent', 0);
  const first = await archiver();
  const early = await finishedRun('early', 1);
  const before = await eventually(() => archiveOf(early));
  await first.stop();
  const late = await finishedRun('late', 1);
  const second = await archiver();
  await eventually(() => archiveOf(late));
  await second.stop();
  expect(await archiveOf(early)).toEqual(before);
  expect(await archiveOf(silent)).toBeUndefined();
});
