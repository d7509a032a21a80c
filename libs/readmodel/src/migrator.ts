/**
 * Brings a schema up to date. Safe to run from several processes at once (one waits for the other), and a schema that is
 * newer than this build is named instead of used.
 */
import { Outage } from '@waybill/process';
import { type Migration, type MigrationProvider, Migrator } from 'kysely/migration';
import type { ReadModel } from './connection.ts';
import { isDatabaseOutage } from './database-outage.ts';
import { databaseRefusal } from './database-refusal.ts';
import { readModel } from './migrations/0001_read_model.ts';
import { dispatch } from './migrations/0002_dispatch.ts';
import { approvals } from './migrations/0003_approvals.ts';
import { work } from './migrations/0004_work.ts';

/** In the order of their names; append, never change one that has been released. */
const migrations: Readonly<Record<string, (schema: string) => Migration>> = {
  '0001_read_model': readModel,
  '0002_dispatch': dispatch,
  '0003_approvals': approvals,
  '0004_work': work,
};

export class MigrationFailed extends Error {
  override readonly name = 'MigrationFailed';
  readonly code = 'migration-failed';
}

export async function migrate(
  model: Pick<ReadModel, 'root' | 'schema' | 'log'>,
): Promise<readonly string[]> {
  const provider: MigrationProvider = {
    getMigrations: () =>
      Promise.resolve(
        Object.fromEntries(
          Object.entries(migrations).map(([name, make]) => [name, make(model.schema)]),
        ),
      ),
  };
  const migrator = new Migrator({
    db: model.root,
    provider,
    migrationTableSchema: model.schema,
    migrationTableName: 'migrations',
    migrationLockTableName: 'migration_lock',
  });
  const { error, results } = await migrator.migrateToLatest();
  const failed = results?.find((result) => result.status === 'Error')?.migrationName;
  if (error !== undefined) {
    if (isDatabaseOutage(error))
      throw new Outage('postgres-away', 'Postgres does not answer, or not yet', { cause: error });
    const refusal = databaseRefusal(error);
    if (refusal !== undefined) throw refusal;
    const where = failed === undefined ? '' : ` at ${failed}`;
    throw new MigrationFailed(
      `the schema ${model.schema} could not be brought up to date${where}`,
      {
        cause: error,
      },
    );
  }
  const done = (results ?? []).map((result) => result.migrationName);
  for (const name of done) model.log.info({ schema: model.schema, migration: name }, 'migrated');
  return done;
}
