import { eventually } from '@waybill/process/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshRun, startServer, stored, storeMany, type TestServer } from './journal.fixture.ts';
import { isLogRegressed } from './journal-error.ts';
import type { Position } from './position.ts';
import type { ReadOptions } from './read.ts';

describe('a log that regressed', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server?.stop());

  const options = (from: Position | undefined, failures: Error[] = []): ReadOptions => ({
    stream: 'WB_RUNS',
    filters: [],
    from,
    onMessage: () => undefined,
    onFailure: (error) => void failures.push(error),
  });
  const openingFails = (from: Position): Promise<unknown> =>
    server.journal.read(options(from)).then(
      (reader) => reader.stop().then(() => 'opened'),
      (error: unknown) => error,
    );
  const positionNow = async (): Promise<Position> => {
    await storeMany(server.journal, freshRun(), 3);
    const reader = await server.journal.read(options(undefined));
    await reader.caughtUp;
    await reader.stop();
    const position = reader.position();
    if (position === undefined) throw new Error('nothing was read');
    return position;
  };

  it('is noticed when another event lies at the position', async () => {
    const position = await positionNow();
    const error = await openingFails({ ...position, id: 'another-event' });
    expect(isLogRegressed(error)).toBe(true);
    expect(String(error)).toMatch(
      /WB_RUNS is not the log .* the event there is .*, not another-event/,
    );
  });

  it('is noticed when it ends before the position', async () => {
    const position = await positionNow();
    const error = await openingFails({ ...position, seq: position.seq + 1 });
    expect(String(error)).toContain(`it ends at ${position.seq}`);
  });

  it('is noticed by consume too', async () => {
    const position = await positionNow();
    const opening = server.journal.consume({
      stream: 'WB_RUNS',
      durable: 'regressed',
      filters: [],
      from: { ...position, identity: 'another-log' },
      batchMax: 10,
      onBatch: async () => undefined,
      onFailure: () => undefined,
    });
    await expect(opening).rejects.toMatchObject({ name: 'LogRegressed', code: 'log-regressed' });
  });

  it('stops a reader that was attached when the stream is deleted and created again', async () => {
    const { journal, jsm } = server;
    const position = await positionNow();
    const failures: Error[] = [];
    const reader = await journal.read(options(position, failures));
    await jsm.streams.delete('WB_RUNS');
    await eventually(async () => {
      const provisioned = await journal.provision();
      return provisioned.some(({ stream, action }) => stream === 'WB_RUNS' && action === 'created');
    });
    await storeMany(journal, freshRun(), position.seq + 5);
    await eventually(() => failures.length > 0, { withinMs: 10_000 });
    expect(isLogRegressed(failures[0])).toBe(true);
    expect(reader.position()).toEqual(position);
    expect(String(await openingFails(position))).toContain('its identity is');
  });

  it('does not mistake a bounded stream that has dropped its oldest messages for one', async () => {
    const { journal, jsm } = server;
    const draft = (n: number) => ({
      ...freshRun().draft('heartbeat', { n }),
      stream: 'WB_HEARTBEATS' as const,
      subject: 'wb.v1.heartbeat.00.acme.run.job',
    });
    const first = await stored(journal.append(draft(1)));
    const { identity } = await journal.info('WB_HEARTBEATS');
    const from = { identity, seq: first, id: 'long-gone' };
    await stored(journal.append(draft(2)));
    await jsm.streams.purge('WB_HEARTBEATS', { seq: first + 1 });
    const seen: number[] = [];
    const reader = await journal.read({
      ...options(from),
      stream: 'WB_HEARTBEATS',
      onMessage: (message) => void seen.push(message.seq),
    });
    await reader.caughtUp;
    expect(seen).toEqual([first + 1]);
    await reader.stop();
  });

  it('refuses to read a stream that does not exist', async () => {
    const { journal, jsm } = server;
    await jsm.streams.delete('WB_CONFIG');
    const opening = journal.read({ ...options(undefined), stream: 'WB_CONFIG' });
    await expect(opening).rejects.toMatchObject({ code: 'no-stream', exitCode: 78 });
  });
});
