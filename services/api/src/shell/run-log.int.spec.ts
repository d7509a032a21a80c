import { archived, logArchiveName, logArchiveType, openObjects } from '@waybill/objects';
import { createKeyRing, createLogger, systemClock } from '@waybill/process';
import { type LogView, subjects } from '@waybill/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listen } from './event-client.fixture.ts';
import { forget } from './nats-admin.fixture.ts';
import { createdBody, newRunId, runWriter, writeWholeRun } from './run-log.fixture.ts';
import { logPage } from './run-log.ts';
import { ORG, type RunningApi, startApi } from './running-api.fixture.ts';

let api: RunningApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.stop());

type LogPage = Readonly<{ items: readonly LogView[]; next: string | null }>;
const logsOf = async (runId: string, query = ''): Promise<LogPage> =>
  (await (await api.call(`/v1/orgs/${ORG}/runs/${runId}/logs${query}`)).json()) as LogPage;

/** What the projector does with the log of a run that has ended. */
async function archive(runId: string, items: readonly LogView[]): Promise<void> {
  const objects = await openObjects({
    journal: api.journal,
    ring: await createKeyRing(),
    clock: systemClock,
    log: createLogger({ name: 'test', level: 'silent' }),
    publicUrl: '',
    settings: {},
  });
  const chunks = async function* (): AsyncGenerator<LogView> {
    yield* items;
  };
  await objects.write(logArchiveName(ORG, runId), archived(chunks()), {
    mediaType: logArchiveType,
    labels: { firstSeq: String(items[0]?.seq), lastSeq: String(items.at(-1)?.seq) },
  });
  await objects.close();
}

it('a message that is no chunk of a log does not end its pages early', async () => {
  const runId = newRunId('poisoned');
  const { write, log, jobId } = runWriter(api.journal, runId);
  await write('run.created', createdBody(runId));
  await log(['one']);
  await api.journal.append({
    stream: 'WB_LOGS',
    subject: subjects.log(ORG, runId, jobId),
    type: 'log.chunk',
    meta: { id: `${runId}:poison`, source: '/waybill/test', runId, jobId, attempt: 1 },
    body: 'no JSON',
  });
  await log(['two']);
  const first = await logsOf(runId, '?limit=1');
  expect(first.items.map(({ lines }) => lines)).toEqual([['one']]);
  const second = await logsOf(runId, `?limit=1&cursor=${first.next}`);
  expect(second.items.map(({ lines }) => lines)).toEqual([['two']]);
  expect(second.next).toBeNull();
});

describe('the log of a run that has ended', () => {
  it('reads the same from its archive once the stream has forgotten it, page by page too', async () => {
    const { runId } = await writeWholeRun(api.journal, 'archived');
    const before = await logsOf(runId);
    expect(before.items.map(({ lines }) => lines)).toEqual([['hello', 'wörld'], ['done']]);
    await archive(runId, before.items);
    expect(await logsOf(runId)).toEqual(before);
    const pages = await logsOf(runId, '?limit=1');
    await forget(api, 'WB_LOGS', subjects.logsOf(ORG, runId));
    expect(await logsOf(runId)).toEqual(before);
    expect(await logsOf(runId, '?limit=1')).toEqual(pages);
    const rest = await logsOf(runId, `?limit=1&cursor=${pages.next}`);
    expect([...pages.items, ...rest.items]).toEqual(before.items);
    expect(rest.next).toBeNull();
  });

  it('is read once from its archive, in however many pages', async () => {
    const { runId } = await writeWholeRun(api.journal, 'paged');
    const [first, second] = (await logsOf(runId)).items;
    if (first === undefined || second === undefined) throw new Error('the run has no log');
    const seqs = Array.from({ length: 20 }, (_, n) => first.seq + n);
    await archive(
      runId,
      seqs.map((seq) => ({ ...first, seq })),
    );
    await forget(api, 'WB_LOGS', subjects.logsOf(ORG, runId));
    const { journal, ring, host } = api;
    const objects = await openObjects({ journal, ring, publicUrl: '', settings: {}, ...host });
    let reads = 0;
    const read: typeof objects.read = (entry) => {
      reads += 1;
      return objects.read(entry);
    };
    const reader = { journal, clock: systemClock, org: ORG, objects: { find: objects.find, read } };
    const told: number[] = [];
    for (let after = 0; ; ) {
      const page = await logPage(reader, runId, 4, after);
      const shown = page.slice(0, 3).map(({ seq }) => seq);
      told.push(...shown);
      after = shown.at(-1) ?? after;
      if (page.length < 4) break;
    }
    expect(told).toEqual(seqs);
    expect(reads).toBe(1);
    // Whoever asks for a page once more, or begins in the middle, gets it all the same.
    for (const after of [seqs[4] ?? 0, seqs[4] ?? 0, 0])
      expect((await logPage(reader, runId, 2, after)).map(({ seq }) => seq)).toEqual(
        seqs.filter((seq) => seq > after).slice(0, 2),
      );
    await objects.close();
  });

  it('follows from its archive too, and then ends', async () => {
    const { runId } = await writeWholeRun(api.journal, 'followed');
    const { items } = await logsOf(runId);
    await archive(runId, items);
    await forget(api, 'WB_LOGS', subjects.logsOf(ORG, runId));
    const client = await listen(api, `/runs/${runId}/logs`);
    const heard = await client.until(3);
    expect(heard.slice(0, 2).map(({ data }) => data)).toEqual(items);
    expect(heard[2]).toMatchObject({ event: 'end' });
    client.leave();
  });
});
