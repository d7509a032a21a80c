/** Real servers for specs of the projector, a journal, and read models in schemas of their own. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type PostgresServer, startPostgres, startTestServers } from '@waybill/embedded';
import { type Journal, type NatsSettings, openJournal } from '@waybill/journal';
import { createLogger, type Logger, systemClock } from '@waybill/process';
import type { StoredMessage, StreamName } from '@waybill/protocol';
import { connectReadModel, migrate, type ReadModel, tables } from '@waybill/readmodel';
import { sql } from 'kysely';
import { applyBatch } from './batch.ts';
import { type DeadLetters, openDeadLetters } from './dead-letter.ts';
import type { Projection } from './projection.ts';
import { openProjections } from './projection-list.ts';

export type Bench = Readonly<{
  journal: Journal;
  nats: NatsSettings;
  databaseUrl: string;
  log: Logger;
  /** A migrated schema with this name. */
  model(schema: string): Promise<ReadModel>;
  messages(stream: StreamName): Promise<readonly StoredMessage[]>;
  stop(): Promise<void>;
}>;

export async function startBench(): Promise<Bench> {
  const servers = await startTestServers();
  const { url, user, password } = servers.nats;
  const nats = { url, user, password };
  const log = createLogger({ name: 'test', level: 'silent' });
  const journal = await openJournal({ nats, name: 'test', clock: systemClock, log });
  await journal.provision();
  const models: ReadModel[] = [];
  return {
    journal,
    nats,
    databaseUrl: servers.postgres.url,
    log,
    model: async (schema) => {
      const model = connectReadModel({ databaseUrl: servers.postgres.url, schema, log });
      models.push(model);
      await migrate(model);
      return model;
    },
    messages: async (stream) => {
      const found: StoredMessage[] = [];
      const onBatch = (batch: readonly StoredMessage[]): void => void found.push(...batch);
      await journal.replay({ stream, filter: '>', batchMax: 500, onBatch });
      return found;
    },
    stop: async () => {
      await journal.close();
      await Promise.all(models.map((model) => model.close()));
      await servers.stop();
    },
  };
}

export const quietDeadLetters = ({ journal, log }: Bench): DeadLetters =>
  openDeadLetters({ journal, log });

export const streamsFolded = ['WB_CONFIG', 'WB_AGENTS', 'WB_TRIGGERS', 'WB_RUNS'] as const;

export type FoldWay = Readonly<{
  batchMax: number;
  /** Every message is delivered twice, batches overlapping. */
  twice?: boolean;
  /** Fresh projections for every batch, as after a restart. */
  restarting?: boolean;
}>;

/** The whole log into the model, cut and repeated in a certain way. */
export async function foldAll(bench: Bench, model: ReadModel, way: FoldWay): Promise<void> {
  const deadLetters = quietDeadLetters(bench);
  const fresh = (): readonly Projection[] => openProjections(bench);
  let projections = fresh();
  for (const stream of streamsFolded) {
    const { identity } = await bench.journal.info(stream);
    const messages = await bench.messages(stream);
    let readUpTo = 0;
    for (let start = 0; start < messages.length; start += way.batchMax) {
      if (way.restarting === true) projections = fresh();
      const projection = projections.find((each) => each.stream === stream);
      if (projection === undefined) throw new Error(stream);
      const target = { model, projection, identity, deadLetters };
      const from = way.twice === true ? Math.max(start - way.batchMax, 0) : start;
      const batch = messages.slice(from, start + way.batchMax);
      await applyBatch(target, batch, readUpTo);
      if (way.twice === true) await applyBatch(target, batch, readUpTo);
      readUpTo = batch.at(-1)?.seq ?? readUpTo;
    }
  }
}

/** Every row of every table as text, in the order of the keys. */
export async function dump(model: ReadModel): Promise<Readonly<Record<string, readonly string[]>>> {
  const all: Record<string, readonly string[]> = {};
  for (const [table, { key }] of Object.entries(tables)) {
    const { rows } = await sql<{ row: string }>`
      select t::text as row from ${sql.id(model.schema, table)} t
      order by ${sql.join(key.map((name) => sql.id(name)))}`.execute(model.root);
    all[table] = rows.map(({ row }) => row);
  }
  return all;
}

/** A Postgres that a test may end and start again. */
export async function startOwnPostgres(): Promise<PostgresServer> {
  const home = await mkdtemp(join(tmpdir(), 'waybill-projector-'));
  await chmod(home, 0o711);
  const server = await startPostgres({ dir: join(home, 'postgres'), logs: join(home, 'logs') });
  return {
    ...server,
    stop: async () => {
      await server.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
}
