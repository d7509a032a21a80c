/**
 * For the contract suite: a real server of its own, which can be killed, frozen and started again on the same port and
 * store, journals on it, and drafts of events. Waits for stated conditions, never for time.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { findNatsServer, type NatsServer, startNats } from '@waybill/embedded';
import { createLogger, newId, systemClock } from '@waybill/process';
import { eventually } from '@waybill/process/testing';
import { type Draft, type Meta, type StoredMessage, subjects } from '@waybill/protocol';
import { type Journal, openJournal } from './journal.ts';

export const log = createLogger({
  name: 'journal-spec',
  level: process.env['LOG_LEVEL'] ?? 'silent',
});

export type TestServer = Readonly<{
  nats: NatsServer;
  journal: Journal;
  /** The same server without the journal: for what only an operator may do. */
  raw: NatsConnection;
  jsm: JetStreamManager;
  another(o?: { connectDeadlineMs?: number; name?: string }): Promise<Journal>;
  /** After a kill: the same address, the same store, and `jsm` can ask it again. */
  revive(): Promise<void>;
  stop(): Promise<void>;
}>;

export async function startServer(o: { provisioned?: boolean } = {}): Promise<TestServer> {
  const dir = await mkdtemp(join(tmpdir(), 'waybill-journal-'));
  const nats = await startNats({ dir, binary: await natsServerBinary(), durability: 'fast' });
  const remove = async (): Promise<void> => {
    await nats.stop();
    await rm(dir, { recursive: true, force: true });
  };
  try {
    return await joinServer(nats, o.provisioned !== false, remove);
  } catch (error) {
    await remove();
    throw error;
  }
}

async function joinServer(
  nats: NatsServer,
  provisioned: boolean,
  remove: () => Promise<void>,
): Promise<TestServer> {
  const { url, user, password } = nats;
  const open = (name = 'waybill-spec', connectDeadlineMs = 10_000): Promise<Journal> =>
    openJournal({
      nats: { url, user, password },
      name,
      clock: systemClock,
      log,
      connectDeadlineMs,
    });
  const journal = await open();
  if (provisioned) await journal.provision();
  const raw = await connect({
    servers: url,
    user,
    pass: password,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 100,
  });
  const jsm = await jetstreamManager(raw, { checkAPI: false });
  const opened = new Set([journal]);
  return {
    nats,
    journal,
    raw,
    jsm,
    another: async (options = {}) => {
      const other = await open(options.name, options.connectDeadlineMs);
      opened.add(other);
      return other;
    },
    revive: async () => {
      await nats.restart();
      await eventually(async () => (await raw.rtt()) >= 0);
    },
    stop: async () => {
      await Promise.all([...opened].map((each) => each.close()));
      await raw.close();
      await remove();
    },
  };
}

export const natsServerBinary = (): Promise<string> =>
  findNatsServer({ named: process.env['NATS_SERVER_BIN'] });

export type RunDrafts = Readonly<{
  org: string;
  runId: string;
  filter: string;
  draft(type: string, body?: unknown, meta?: Partial<Meta>): Draft;
}>;

/** Drafts of one fresh run, so that specs on one server never meet. */
export function freshRun(org = 'acme'): RunDrafts {
  const runId = `${newId()}-0`;
  return {
    org,
    runId,
    filter: subjects.runFilter(org, runId),
    draft: (type, body = { type }, meta = {}) => ({
      stream: 'WB_RUNS',
      subject: subjects.run(org, runId, type),
      type,
      meta: { id: newId(), source: '/waybill/spec', runId, ...meta },
      body: JSON.stringify(body),
    }),
  };
}

export const bodyOf = (message: StoredMessage): unknown =>
  JSON.parse(new TextDecoder().decode(message.body));
export const seqsOf = (messages: readonly StoredMessage[]): readonly number[] =>
  messages.map(({ seq }) => seq);

/** The sequence of an append that must have been stored. */
export async function stored(appending: ReturnType<Journal['append']>): Promise<number> {
  const appended = await appending;
  if (appended.outcome !== 'stored') throw new Error(`not stored: ${JSON.stringify(appended)}`);
  return appended.seq;
}

/** Appends `count` facts to a run, some in flight at a time, in no particular order. */
export async function storeMany(
  journal: Journal,
  run: RunDrafts,
  count: number,
): Promise<readonly number[]> {
  return Promise.all(
    Array.from({ length: count }, (_, n) => stored(journal.append(run.draft('job.status', { n })))),
  );
}
