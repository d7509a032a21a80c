import { once } from 'node:events';
import { connect } from 'node:net';
import { eventually } from '@waybill/process/testing';
import { subjects } from '@waybill/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listen } from './event-client.fixture.ts';
import {
  completedBody,
  createdBody,
  newRunId,
  offeredBody,
  runWriter,
  writeWholeRun,
} from './run-log.fixture.ts';
import { API_KEY, answered, ORG, type RunningApi, startApi } from './running-api.fixture.ts';

let api: RunningApi;
beforeAll(async () => {
  api = await startApi({
    limits: { sseClients: 4, sseHeartbeatMs: 100, sseStallMs: 1_000, sseBufferBytes: 65_536 },
  });
});
afterAll(() => api.stop());

describe('the tail', () => {
  it('begins now, sends every event of every run once and in order, and keeps the connection alive', async () => {
    await writeWholeRun(api.journal, 'before');
    const client = await listen(api, '/tail');
    const runs = await Promise.all(['x', 'y'].map((name) => writeWholeRun(api.journal, name)));
    const heard = await client.until(12);
    const seqs = heard.map(({ data }) => Number(data['seq']));
    expect(seqs).toEqual(runs.flatMap((run) => run.seqs).toSorted((a, b) => a - b));
    expect(heard.map(({ id }) => Number(id?.split('-')[0]))).toEqual(seqs);
    expect(heard[0]?.data).toMatchObject({ type: 'run.created' });
    expect(new Set(heard.map(({ data }) => data['runId']))).toEqual(
      new Set(runs.map((run) => run.runId)),
    );
    await eventually(() => client.comments.includes(': alive'));
    client.leave();
  });

  it('resumes after the last id with no gap and no repeat', async () => {
    const first = await listen(api, '/tail');
    await writeWholeRun(api.journal, 'resumed-1');
    const [, , third] = await first.until(6);
    first.leave();
    const later = await writeWholeRun(api.journal, 'resumed-2');
    for (const resume of [
      { path: '/tail', headers: { 'last-event-id': third?.id ?? '' } },
      { path: `/tail?lastEventId=${third?.id}`, headers: {} },
    ]) {
      const second = await listen(api, resume.path, resume.headers);
      const heard = await second.until(9);
      expect(heard).toHaveLength(9);
      expect(heard.slice(0, 3)).toEqual(first.heard.slice(3, 6));
      expect(heard.slice(3).map(({ data }) => data['seq'])).toEqual(later.seqs);
      second.leave();
    }
  });

  it('of one run sends that run alone, from its beginning if asked to', async () => {
    const run = await writeWholeRun(api.journal, 'filtered');
    await writeWholeRun(api.journal, 'noise');
    const client = await listen(api, `/tail?runId=${run.runId}&lastEventId=0`);
    const heard = await client.until(6);
    expect(heard.map(({ data }) => data['seq'])).toEqual(run.seqs);
    client.leave();
  });

  it('refuses an id that the log does not have', async () => {
    for (const id of ['99999999', 'nonsense']) {
      const answer = await api.call(`/v1/orgs/${ORG}/tail`, { headers: { 'last-event-id': id } });
      expect(answer.status).toBe(410);
      expect(await answered(answer)).toMatchObject({ code: 'cursor-stale' });
    }
    expect((await api.call(`/v1/orgs/${ORG}/tail?runId=x`)).status).toBe(400);
  });

  it('refuses an id of another log, or of another event at the same place', async () => {
    const client = await listen(api, '/tail');
    await writeWholeRun(api.journal, 'marked');
    const [first, second] = await client.until(6);
    client.leave();
    expect(first?.id).toMatch(/^\d+-[0-9a-f]{16}$/);
    const [seq = '', mark = ''] = first?.id?.split('-') ?? [];
    const otherEvent = `${seq}-${second?.id?.split('-')[1] ?? ''}`;
    const otherLog = `${seq}-${mark.replace(/^./, (digit) => (digit === '0' ? '1' : '0'))}`;
    for (const id of [otherEvent, otherLog]) {
      const answer = await api.call(`/v1/orgs/${ORG}/tail`, { headers: { 'last-event-id': id } });
      expect(answer.status).toBe(410);
    }
    // Without the mark it is a sequence, as a person would ask for it.
    const asked = await listen(api, '/tail', { 'last-event-id': seq });
    expect((await asked.until(5))[0]?.id).toBe(second?.id);
    asked.leave();
  });

  it('has a bounded number of clients', async () => {
    const clients = await eventually(async () => {
      const opened = await Promise.all(Array.from({ length: 4 }, () => listen(api, '/tail')));
      if (opened.every(({ status }) => status === 200)) return opened;
      for (const each of opened) each.leave();
      return undefined;
    });
    const one = await api.call(`/v1/orgs/${ORG}/tail`);
    expect(one.status).toBe(503);
    expect(await answered(one)).toMatchObject({ code: 'streams-exhausted' });
    for (const client of clients) client.leave();
    await eventually(async () => {
      const again = await listen(api, '/tail');
      again.leave();
      return again.status === 200;
    });
  });

  it('cuts off a client that takes nothing, and holds little for it meanwhile', async () => {
    const runId = newRunId('flood');
    const { write } = runWriter(api.journal, runId);
    await write('run.created', createdBody(runId));
    const filler = 'z'.repeat(200_000);
    for (let i = 0; i < 60; i++)
      await write('job.ack', { type: 'job.ack', filler }, { fact: true });
    const { port } = new URL(api.url);
    const socket = connect(Number(port), '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(
      `GET /v1/orgs/${ORG}/tail?lastEventId=0&runId=${runId} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${API_KEY}\r\n\r\n`,
    );
    socket.pause();
    const closed = once(socket, 'close');
    await eventually(() => api.logged().includes('a stream of events was cut off'), {
      withinMs: 10_000,
    });
    socket.resume();
    await closed;
  });
});

describe('a log that is followed', () => {
  it('sends what is there and what comes, and ends with the run', async () => {
    const runId = newRunId('followed');
    const { write, log, seqs, jobId } = runWriter(api.journal, runId);
    const created = await write('run.created', createdBody(runId));
    await log(['one']);
    const client = await listen(api, `/runs/${runId}/logs`);
    await client.until(1);
    await write('job.offered', offeredBody(runId, created));
    await write('job.status', { type: 'job.status', state: 'running' }, { fact: true });
    await log(['two', 'three']);
    await client.until(2);
    await write('job.status', { type: 'job.status', state: 'success' }, { fact: true });
    expect(seqs).toHaveLength(4);
    await write('run.completed', completedBody(jobId));
    await log(['a late line']);
    await client.ended;
    expect(client.heard.map(({ event, data }) => event ?? data['lines'])).toEqual([
      ['one'],
      ['two', 'three'],
      ['a late line'],
      'end',
    ]);
    expect(client.heard[1]?.data).toMatchObject({ jobId, attempt: 1, stepIndex: 0 });
    const again = await listen(api, `/runs/${runId}/logs`, {
      'last-event-id': client.heard[0]?.id ?? '',
    });
    await again.ended;
    expect(again.heard.map(({ event, data }) => event ?? data['lines'])).toEqual([
      ['two', 'three'],
      ['a late line'],
      'end',
    ]);
  });

  it('does not end with a completion that is void', async () => {
    const runId = newRunId('void-end');
    const { write, log, jobId } = runWriter(api.journal, runId);
    await write('run.created', createdBody(runId));
    await write('run.completed', completedBody(jobId));
    const client = await listen(api, `/runs/${runId}/logs`);
    await log(['still running']);
    const heard = await client.until(1);
    expect(heard[0]?.event).toBeUndefined();
    await eventually(() => client.comments.filter((comment) => comment === ': alive').length > 4);
    expect(client.heard).toHaveLength(1);
    client.leave();
  });

  it('of a run that nobody knows is not found', async () => {
    const client = await listen(api, `/runs/${newRunId('nobody')}/logs`);
    expect(client.status).toBe(404);
    expect(
      await api.journal.last('WB_LOGS', subjects.logsOf(ORG, newRunId('nobody'))),
    ).toBeUndefined();
  });
});
