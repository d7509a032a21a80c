/** Postgres: reachable, the tables of this build, and the guards that keep run records as they are. */
import { type Logger, safeError } from '@waybill/process';
import { connectReadModel, type ReadModel } from '@waybill/readmodel';
import { z } from 'zod';
import { type Finding, note, ok, wrong } from './finding.ts';

const Version = z.tuple([z.object({ version: z.string() })]);
const Migrations = z.array(z.object({ name: z.string() }));
const Guards = z.array(z.object({ tgname: z.string(), tgenabled: z.string() }));

const guards = ['run_records_never_change', 'run_records_are_never_emptied'];

export async function checkPostgres(databaseUrl: string, log: Logger): Promise<readonly Finding[]> {
  const model = connectReadModel({ databaseUrl, log, max: 1 });
  try {
    return [await checkVersion(model), ...(await checkSchema(model))];
  } catch (error) {
    return [
      wrong(
        'postgres',
        `cannot be reached: ${safeError(error).message || 'no answer'}`,
        69,
        'Start it, or correct DATABASE_URL.',
      ),
    ];
  } finally {
    await model.close();
  }
}

async function checkVersion({ pool }: ReadModel): Promise<Finding> {
  const [{ version }] = Version.parse(
    (await pool.query(`select current_setting('server_version') as version`)).rows,
  );
  return ok('postgres', `version ${version}`);
}

const guardQuery = `
  select tgname, tgenabled from pg_trigger t
  join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = $1 and c.relname = 'run_records' and not tgisinternal`;

async function checkSchema({ pool, schema }: ReadModel): Promise<readonly Finding[]> {
  const exists = await pool.query(
    'select 1 from pg_tables where schemaname = $1 and tablename = $2',
    [schema, 'migrations'],
  );
  if (exists.rowCount === 0)
    return [
      note('tables', `the schema ${schema} is empty`, 'The projector fills it at its first start.'),
    ];
  const migrations = Migrations.parse(
    (await pool.query(`select name from "${schema}".migrations order by name`)).rows,
  );
  const found = Guards.parse((await pool.query(guardQuery, [schema])).rows);
  const missing = guards.filter(
    (name) => !found.some((each) => each.tgname === name && each.tgenabled === 'A'),
  );
  const count = migrations.length === 1 ? '1 migration' : `${migrations.length} migrations`;
  return [
    ok('tables', `schema ${schema}, ${count}, the last is ${migrations.at(-1)?.name ?? 'none'}`),
    missing.length === 0
      ? ok('records', 'UPDATE, DELETE and TRUNCATE are refused by the database')
      : wrong(
          'records',
          `not guarded: ${missing.join(', ')} missing or switched off`,
          1,
          `Find out who took the guards of ${schema}.run_records away, and restore them.`,
        ),
  ];
}
