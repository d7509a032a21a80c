/**
 * The one way to the read model: a pool whose sessions speak UTC, and Kysely over it, bound to the schema. An error of an
 * idle connection is logged and mended by the pool; everything else reaches the caller.
 */
import type { Logger } from '@waybill/process';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { columnTypes } from './column-parser.ts';
import type { Database } from './tables.ts';

export const defaultSchema = 'waybill';

export type ReadModelOptions = Readonly<{
  databaseUrl: string;
  schema?: string;
  /** Connections at most: 10 unless given. */
  max?: number;
  log: Logger;
}>;

/** One session of Postgres, for what lives as long as it, such as an advisory lock. */
export type Connection = pg.PoolClient;

export type ReadModel = Readonly<{
  /** Every table name means the one in the schema. */
  db: Kysely<Database>;
  /** Without a schema of its own, as the migrator needs it. */
  root: Kysely<Database>;
  pool: pg.Pool;
  connect(): Promise<Connection>;
  schema: string;
  log: Logger;
  /** The same pool over another schema, as a shadow to compare with. */
  withSchema(schema: string): ReadModel;
  close(): Promise<void>;
}>;

export function connectReadModel(o: ReadModelOptions): ReadModel {
  let closing: Promise<void> | undefined;
  const pool = new pg.Pool({
    connectionString: o.databaseUrl,
    max: o.max ?? 10,
    types: columnTypes,
    options: '-c timezone=UTC',
    application_name: 'waybill',
    connectionTimeoutMillis: 5_000,
    // A server that vanished without a word is noticed by the kernel and not only by a query.
    keepAlive: true,
  });
  // A connection that is in use may break between two queries; without a listener that would end the process. Whoever uses it
  // learns of it by the next query.
  pool.on('connect', (client) => {
    client.on('error', (error) => o.log.debug({ err: error }, 'a connection to Postgres broke'));
  });
  pool.on('error', (error) => {
    // A server that stops with us ends the sessions that are just being closed: nothing is lost then.
    if (closing === undefined) o.log.warn({ err: error }, 'a connection to Postgres was lost');
  });
  const root = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
  // Kysely ends a pool only once it has used it, and a pool must not be ended twice.
  const close = (): Promise<void> => (closing ??= pool.end());
  const over = (schema: string): ReadModel => ({
    db: root.withSchema(checkedSchema(schema)),
    root,
    pool,
    connect: () => pool.connect(),
    schema,
    log: o.log,
    withSchema: over,
    close,
  });
  return over(o.schema ?? defaultSchema);
}

/** Schema names are ours; one that would need quoting is a mistake, and a long one would be cut silently. */
function checkedSchema(schema: string): string {
  if (/^[a-z_][a-z0-9_]{0,62}$/.test(schema)) return schema;
  throw new RangeError(`not a schema name: ${JSON.stringify(schema)}`);
}
