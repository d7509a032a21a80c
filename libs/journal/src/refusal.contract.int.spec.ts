import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unsettledMax } from './append.ts';
import { freshRun, startServer, stored, type TestServer } from './journal.fixture.ts';

describe('what append refuses', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server?.stop());

  it('refuses what is over the payload limit of the server without throwing', async () => {
    const { journal } = server;
    const draft = { ...freshRun().draft('job.log'), body: new Uint8Array(journal.maxPayload + 1) };
    expect(await journal.append(draft)).toMatchObject({ outcome: 'refused', code: 'too-large' });
    const justOver = { ...draft, body: new Uint8Array(journal.maxPayload - 10) };
    expect(await journal.append(justOver)).toMatchObject({ outcome: 'refused', code: 'too-large' });
  });

  it('refuses what is over the message limit of the stream', async () => {
    const { journal, jsm } = server;
    await jsm.streams.update('WB_DEAD', { max_msg_size: 1_000 });
    const draft = {
      ...freshRun().draft('x.y'),
      stream: 'WB_DEAD' as const,
      subject: 'wb.v1.dead.acme.spec',
    };
    const appended = await journal.append({ ...draft, body: 'x'.repeat(2_000) });
    expect(appended).toMatchObject({ outcome: 'refused', code: 'too-large' });
  });

  it('refuses by name when the stream is full, and stores again when there is room', async () => {
    const { journal, jsm } = server;
    const { state } = await jsm.streams.info('WB_GATES');
    await jsm.streams.update('WB_GATES', { max_bytes: state.bytes + 2_000 });
    const draft = (n: number) => ({
      ...freshRun().draft('x.y'),
      stream: 'WB_GATES' as const,
      subject: `wb.v1.gate.00.acme.spec.k${n}`,
      body: 'x'.repeat(1_000),
    });
    await stored(journal.append(draft(1)));
    const full = await journal.append(draft(2));
    expect(full).toMatchObject({ outcome: 'refused', code: 'stream-full' });
    expect(full.outcome === 'refused' && full.detail).toMatch(/maximum bytes exceeded/);
    await jsm.streams.update('WB_GATES', { max_bytes: -1 });
    await stored(journal.append(draft(3)));
  });

  it('refuses when the stream does not exist', async () => {
    const { journal, jsm } = server;
    await jsm.streams.delete('WB_LOGS');
    const draft = {
      ...freshRun().draft('x.y'),
      stream: 'WB_LOGS' as const,
      subject: 'wb.v1.log.00.acme.r.j',
    };
    expect(await journal.append(draft)).toMatchObject({ outcome: 'refused', code: 'no-stream' });
  });

  it('refuses a subject that belongs to another stream', async () => {
    const draft = { ...freshRun().draft('x.y'), stream: 'WB_CONFIG' as const };
    expect(await server.journal.append(draft)).toMatchObject({
      outcome: 'refused',
      code: 'no-stream',
    });
  });

  it('throws for what is no publication at all', async () => {
    const draft = freshRun().draft('x.y');
    await expect(server.journal.append({ ...draft, subject: 'wb.v1.run.*' })).rejects.toThrow(
      'not a subject',
    );
  });

  it('lets no id become a header of its own', async () => {
    const { journal } = server;
    const draft = freshRun().draft('x.y', {}, { id: 'a\r\nNats-Rollup: all' });
    const seq = await stored(journal.append(draft));
    const found = await journal.get('WB_RUNS', seq);
    expect(found?.header('Nats-Msg-Id')).toBe(encodeURIComponent('a\r\nNats-Rollup: all'));
    expect(found?.header('Nats-Rollup')).toBeUndefined();
    expect(await journal.append(draft)).toEqual({ outcome: 'stored', seq, duplicate: true });
  });

  it('says unknown at once when the caller gives up', async () => {
    const giveUp = AbortSignal.abort(new Error('enough'));
    const appended = await server.journal.append(freshRun().draft('x.y'), undefined, {
      signal: giveUp,
    });
    expect(appended).toMatchObject({ outcome: 'unknown', cause: { message: 'enough' } });
  });

  it('holds a bounded number of appends without an outcome', async () => {
    const run = freshRun();
    const journal = await server.another();
    const appends = Array.from({ length: unsettledMax + 5 }, (_, n) =>
      journal.append(run.draft('job.status', { n })),
    );
    const outcomes = await Promise.all(appends);
    const over = outcomes.filter(({ outcome }) => outcome === 'unknown');
    expect(over).toHaveLength(5);
    expect(over[0]).toMatchObject({ cause: { code: 'append-overloaded' } });
  });

  it('takes nothing after close', async () => {
    const journal = await server.another();
    await journal.close();
    const appended = await journal.append(freshRun().draft('x.y'));
    expect(appended).toMatchObject({ outcome: 'unknown', cause: { code: 'journal-closed' } });
  });

  it('finishes what is under way when it is closed', async () => {
    const journal = await server.another();
    const run = freshRun();
    const appends = Array.from({ length: 800 }, () => journal.append(run.draft('job.status')));
    await journal.close();
    const outcomes = await Promise.all(appends);
    expect(outcomes.every(({ outcome }) => outcome === 'stored')).toBe(true);
  });
});
