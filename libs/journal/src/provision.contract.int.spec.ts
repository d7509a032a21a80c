import { once } from 'node:events';
import { createServer } from 'node:net';
import { DiscardPolicy } from '@nats-io/jetstream';
import { systemClock } from '@waybill/process';
import { streamNames, streams } from '@waybill/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bucketNames } from './bucket.ts';
import { log, startServer, type TestServer } from './journal.fixture.ts';
import { openJournal } from './journal.ts';

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('provision', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ provisioned: false });
  });
  afterAll(() => server?.stop());

  it('creates every stream of the protocol and both buckets, and changes nothing the second time', async () => {
    const { journal, jsm } = server;
    const names = [...streamNames, ...bucketNames];
    const all = (action: string) => names.map((stream) => ({ stream, action }));
    expect(await journal.provision()).toEqual(all('created'));
    expect(await journal.provision()).toEqual(all('unchanged'));
    expect(await (await server.another()).provision()).toEqual(all('unchanged'));
    const { config } = await jsm.streams.info('WB_RUNS');
    expect(config).toMatchObject({
      subjects: streams.WB_RUNS.subjects,
      discard: 'new',
      deny_delete: true,
      deny_purge: true,
      max_age: 0,
      allow_direct: true,
      allow_rollup_hdrs: false,
      republish: streams.WB_RUNS.republish,
    });
  });

  it('repairs a bucket, whose messages may lapse and be replaced', async () => {
    const { journal, jsm } = server;
    const leases = { max_msgs_per_subject: 1, allow_msg_ttl: true, allow_rollup_hdrs: true };
    const marked = { ...leases, subject_delete_marker_ttl: 1_000_000_000, deny_delete: true };
    expect((await jsm.streams.info('KV_WB_LEASES')).config).toMatchObject(marked);
    await jsm.streams.update('KV_WB_LEASES', {
      subject_delete_marker_ttl: 60_000_000_000,
      max_msgs_per_subject: 5,
    });
    await jsm.streams.update('OBJ_WB_SNAPSHOTS', { description: 'something else' });
    const actions = await journal.provision();
    expect(actions.filter(({ action }) => action !== 'unchanged')).toEqual([
      { stream: 'KV_WB_LEASES', action: 'updated' },
      { stream: 'OBJ_WB_SNAPSHOTS', action: 'updated' },
    ]);
    expect((await jsm.streams.info('KV_WB_LEASES')).config).toMatchObject(marked);
    expect((await jsm.streams.info('OBJ_WB_SNAPSHOTS')).config).toMatchObject({
      subjects: ['$O.WB_SNAPSHOTS.C.>', '$O.WB_SNAPSHOTS.M.>'],
      allow_rollup_hdrs: true,
    });
  });

  it('gives every stream an identity of its own that stays', async () => {
    const { journal } = server;
    const identities = async () =>
      Promise.all(streamNames.map(async (name) => (await journal.info(name)).identity));
    const before = await identities();
    await journal.provision();
    expect(await identities()).toEqual(before);
    expect(new Set(before).size).toBe(streamNames.length);
  });

  it('repairs what drifted, and leaves alone what operations may set', async () => {
    const { journal, jsm } = server;
    const { identity } = await journal.info('WB_AGENTS');
    await jsm.streams.update('WB_AGENTS', {
      description: 'something else',
      max_age: 1_000_000_000,
      duplicate_window: 1_000_000_000,
      allow_direct: false,
      allow_rollup_hdrs: true,
      max_bytes: 50_000_000,
    });
    const actions = await journal.provision();
    expect(actions.filter(({ action }) => action !== 'unchanged')).toEqual([
      { stream: 'WB_AGENTS', action: 'updated' },
    ]);
    const { config } = await jsm.streams.info('WB_AGENTS');
    expect(config).toMatchObject({
      description: streams.WB_AGENTS.description,
      max_age: (streams.WB_AGENTS.maxAgeMs ?? 0) * 1_000_000,
      allow_direct: true,
      allow_rollup_hdrs: false,
      max_bytes: 50_000_000,
    });
    expect((await journal.info('WB_AGENTS')).identity).toBe(identity);
  });

  it('makes a record stream refuse deletes and purges that somebody had created without', async () => {
    const { journal, jsm } = server;
    await jsm.streams.delete('WB_GATES');
    await jsm.streams.add({
      name: 'WB_GATES',
      subjects: [...streams.WB_GATES.subjects],
      discard: DiscardPolicy.New,
    });
    const actions = await journal.provision();
    expect(actions.find(({ stream }) => stream === 'WB_GATES')).toEqual({
      stream: 'WB_GATES',
      action: 'updated',
    });
    const { config } = await jsm.streams.info('WB_GATES');
    expect(config).toMatchObject({ deny_delete: true, deny_purge: true });
    await expect(jsm.streams.purge('WB_GATES')).rejects.toThrow();
  });

  it('never weakens a stream that refuses purges', async () => {
    const { journal, jsm } = server;
    await jsm.streams.update('WB_LOGS', { deny_purge: true });
    const refusal = await failure(journal.provision());
    expect(refusal).toMatchObject({ code: 'would-weaken', exitCode: 78 });
    expect(String(refusal)).toContain('WB_LOGS has deny_purge set');
    expect((await jsm.streams.info('WB_LOGS')).config.deny_purge).toBe(true);
    await jsm.streams.delete('WB_LOGS');
    await journal.provision();
  });

  it('names what the server refuses', async () => {
    const { journal, jsm } = server;
    await jsm.streams.delete('WB_CONFIG');
    await jsm.streams.add({ name: 'INTRUDER', subjects: ['wb.v1.config.acme.>'] });
    const refusal = await failure(journal.provision());
    expect(refusal).toMatchObject({ code: 'not-accepted' });
    expect(String(refusal)).toContain('WB_CONFIG: subjects overlap');
    expect(await failure(journal.provision({ replicas: 3 }))).toMatchObject({
      code: 'not-accepted',
    });
    await jsm.streams.delete('INTRUDER');
    await journal.provision();
  });
});

describe('the server', () => {
  it('is refused when it is older than 2.14 or has no JetStream', async () => {
    const open = async (info: object) => {
      const impostor = createServer((socket) => {
        socket.write(
          `INFO ${JSON.stringify({ server_id: 'x', max_payload: 1_000_000, headers: true, ...info })}\r\n`,
        );
        socket.on('data', (data) => data.includes('PING') && socket.write('PONG\r\n'));
        socket.on('error', () => undefined);
      });
      impostor.listen(0, '127.0.0.1');
      await once(impostor, 'listening');
      const address = impostor.address();
      const port = typeof address === 'object' ? address?.port : undefined;
      const nats = { url: `127.0.0.1:${port}` };
      try {
        return await failure(openJournal({ nats, name: 'spec', clock: systemClock, log }));
      } finally {
        impostor.close();
      }
    };
    const tooOld = await open({ version: '2.10.27', jetstream: true });
    expect(tooOld).toMatchObject({ code: 'server-too-old', exitCode: 78 });
    expect(String(tooOld)).toContain('version 2.10.27; 2.14 or newer is needed');
    expect(await open({ version: '2.15.1' })).toMatchObject({ code: 'no-jetstream', exitCode: 78 });
  });
});
