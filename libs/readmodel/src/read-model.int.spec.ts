import { randomBytes } from 'node:crypto';
import { startTestServers } from '@waybill/embedded';
import { createLogger, isOutage } from '@waybill/process';
import { sql } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listAgents } from './agent-query.ts';
import { connectReadModel, type ReadModel } from './connection.ts';
import { isDatabaseOutage } from './database-outage.ts';
import { migrate } from './migrator.ts';
import { isBadCursor } from './page.ts';
import { recordRef, runRecord } from './record-query.ts';
import { listRules, rule } from './rule-query.ts';
import { listRuns, runSummary } from './run-query.ts';
import { type Row, tables } from './tables.ts';
import { listTriggers, trigger } from './trigger-query.ts';
import { listAttestations } from './work-query.ts';

const log = createLogger({ name: 'test', level: 'silent' });
let stop: () => Promise<void>;
let databaseUrl: string;
let model: ReadModel;

beforeAll(async () => {
  const servers = await startTestServers({ nats: false });
  databaseUrl = servers.postgres.url;
  model = connectReadModel({ databaseUrl, log });
  await migrate(model);
  stop = async () => {
    await model.close();
    await servers.stop();
  };
});
afterAll(() => stop());

const at = '2026-01-02T03:04:05.678Z';
const aRun = (org: string, n: number): Row<'runs'> => ({
  org,
  run_id: `run-${n}`,
  state: n % 2 === 0 ? 'success' : 'running',
  trigger: { triggerId: `t${n}` },
  trigger_id: `t${n}`,
  trigger_source: 'github',
  trigger_kind: 'webhook',
  trigger_event: 'push',
  rule_name: null,
  rule_generation: null,
  workflow: 'ci',
  repo_url: '',
  ref: '',
  sha: '',
  request_id: null,
  created_at: at,
  started_at: null,
  completed_at: null,
  duration_ms: null,
  cost_usd: 0,
  usage: {},
  repository: null,
  trust: 'trusted',
  chain_depth: 0,
  upstream: null,
  late_usage: null,
  log_bytes: 0,
  cancel: null,
  anomalies: 0,
  first_seq: n,
  seq: 1_000 - n,
});
const aRecord = (org: string, n: number): Row<'run_records'> => ({
  org,
  run_id: `run-${n}`,
  record_version: 1,
  state: 'success',
  created_at: at,
  started_at: null,
  completed_at: at,
  duration_ms: 5,
  cost_usd: 0.5,
  workflow: 'ci',
  trigger_source: 'github',
  first_seq: n,
  last_seq: n + 10,
  sha256: `sha-${n}`,
  previous_sha256: null,
  body: Buffer.from(
    JSON.stringify({
      events: [
        {
          seq: n,
          at,
          id: 'i',
          subject: 's',
          headers: { 'ce-type': 'run.created' },
          body: { text: 'nul \u0000\u0000 \\u0000' },
        },
      ],
    }),
  ),
});

describe('a connection', () => {
  it('that breaks while it is in use, between two queries, takes nobody along', async () => {
    const client = await model.connect();
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    const broken = new Promise((resolve) => {
      client.once('end', resolve);
    });
    await model.pool.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
    await broken;
    const error = await client.query('select 1').catch((thrown: unknown) => thrown);
    expect(isDatabaseOutage(error)).toBe(true);
    client.release(true);
    expect((await model.pool.query('select 1')).rowCount).toBe(1);
  });
});

describe('the schema', () => {
  it('has exactly the columns, types and keys that the code believes', async () => {
    const { rows } = await sql<{ table: string; column: string; type: string; nullable: boolean }>`
      select c.relname as table, a.attname as column, format_type(a.atttypid, a.atttypmod) as type, not a.attnotnull as nullable
      from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = 'waybill' and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped and c.relname not like 'migration%'
      order by c.relname, a.attnum`.execute(model.root);
    const live = rows.map(({ table, column, type, nullable }) => {
      const kind = type === 'timestamp with time zone' ? 'timestamptz' : type;
      return `${table}.${column}: ${kind}${nullable ? '?' : ''}`;
    });
    const believed = Object.entries(tables).flatMap(([table, { columns }]) =>
      Object.entries(columns).map(([column, type]) => `${table}.${column}: ${type}`),
    );
    expect(new Set(live)).toEqual(new Set(believed));
    for (const [table, { key }] of Object.entries(tables)) {
      const found = await sql<{ name: string }>`
        select a.attname as name from pg_index i cross join lateral unnest(i.indkey) with ordinality k(num, place)
        join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.num
        where i.indisprimary and i.indrelid = ${`waybill.${table}`}::regclass order by k.place`.execute(
        model.root,
      );
      expect(
        found.rows.map(({ name }) => name),
        table,
      ).toEqual([...key]);
    }
  });

  it('takes no value from a clock, a counter or a default', async () => {
    const { rows } = await sql`
      select column_name from information_schema.columns
      where table_schema = 'waybill' and table_name not like 'migration%' and (column_default is not null or is_identity = 'YES')`.execute(
      model.root,
    );
    expect(rows).toEqual([]);
  });

  it('is brought up to date by several at once, and again without effect', async () => {
    const schema = 'waybill_many';
    const models = [1, 2, 3].map(() => connectReadModel({ databaseUrl, schema, log, max: 3 }));
    const done = await Promise.all(models.map((each) => migrate(each)));
    expect(done.flat()).toEqual([
      '0001_read_model',
      '0002_dispatch',
      '0003_approvals',
      '0004_work',
    ]);
    await Promise.all(models.map((each) => each.close()));
  });

  it('is not brought up to date by a server that is not there: an outage', async () => {
    const away = connectReadModel({ databaseUrl: 'postgres://waybill@127.0.0.1:1/waybill', log });
    const error = await migrate(away).catch((thrown: unknown) => thrown);
    expect(isOutage(error)).toBe(true);
    await away.close();
  });

  it.each([
    ['another password', (url: URL) => Object.assign(url, { password: 'wrong' }), 'sign in'],
    ['no such database', (url: URL) => Object.assign(url, { pathname: '/nobody' }), 'no database'],
  ])('is not made where the set-up is wrong: %s ends with 78', async (_what, change, said) => {
    const refusing = connectReadModel({ databaseUrl: change(new URL(databaseUrl)).href, log });
    const error = await migrate(refusing).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'DatabaseRefused', exitCode: 78 });
    expect(String(error)).toContain(said);
    await refusing.close();
  });

  it('is not made for a user who may make none', async () => {
    await model.pool.query("create role guest login password 'guest'");
    const { host, pathname } = new URL(databaseUrl);
    const guest = connectReadModel({
      databaseUrl: `postgres://guest:guest@${host}${pathname}`,
      schema: 'waybill_guest',
      log,
    });
    const error = await migrate(guest).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'DatabaseRefused', exitCode: 78 });
    expect(String(error)).toContain('may not');
    await guest.close();
  });

  it('refuses a name that would have to be quoted', () => {
    expect(() => model.withSchema('Way"bill')).toThrow('not a schema name');
  });
});

describe('invariant 7: run records never change', () => {
  const attempts = [
    `update waybill.run_records set sha256 = 'x'`,
    `update waybill.run_records set state = state where org = 'nobody' or true`,
    `delete from waybill.run_records`,
    `truncate waybill.run_records`,
    `truncate waybill.runs, waybill.run_records cascade`,
    `insert into waybill.run_records select * from waybill.run_records on conflict (org, run_id) do update set sha256 = 'x'`,
    `merge into waybill.run_records r using (select 1) s on true when matched then delete`,
  ];
  const refusal =
    /run records never change: (UPDATE|DELETE|TRUNCATE) on waybill\.run_records is refused/;

  beforeAll(async () => {
    await model.db
      .insertInto('run_records')
      .values([aRecord('main', 1), aRecord('main', 2)])
      .execute();
  });

  it('for the owner, who is a superuser, even as a replica', async () => {
    for (const role of ['origin', 'replica', 'local']) {
      const client = await model.connect();
      await client.query(`select set_config('session_replication_role', $1, false)`, [role]);
      for (const statement of attempts)
        await expect(client.query(statement), `${role}: ${statement}`).rejects.toThrow(refusal);
      client.release(true);
    }
  });

  it('for a fresh role that was granted everything', async () => {
    const password = randomBytes(12).toString('hex');
    await sql.raw(`create role clerk login password '${password}'`).execute(model.root);
    await sql
      .raw(
        'grant usage on schema waybill to clerk; grant all on all tables in schema waybill to clerk',
      )
      .execute(model.root);
    const url = new URL(databaseUrl);
    url.username = 'clerk';
    url.password = password;
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    for (const statement of attempts)
      await expect(client.query(statement), statement).rejects.toThrow(refusal);
    await client.end();
  });

  it('and are all still there', async () => {
    const rows = await model.db
      .selectFrom('run_records')
      .select('sha256')
      .orderBy('sha256')
      .execute();
    expect(rows).toEqual([{ sha256: 'sha-1' }, { sha256: 'sha-2' }]);
  });
});

describe('queries', () => {
  beforeAll(async () => {
    const json = (run: Row<'runs'>) => ({
      ...run,
      trigger: JSON.stringify(run.trigger),
      usage: '{}',
    });
    await model.db
      .insertInto('runs')
      .values([1, 2, 3, 4, 5].flatMap((n) => [json(aRun('main', n)), json(aRun('other', n))]))
      .execute();
  });

  it('page through the runs of one org, newest first, without gap or repeat', async () => {
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await listRuns(model.db, { org: 'main', limit: 2, cursor });
      if (isBadCursor(page)) throw new Error('bad cursor');
      expect(page.items.every(({ org }) => org === 'main')).toBe(true);
      seen.push(...page.items.map(({ runId }) => runId));
      cursor = page.next ?? undefined;
    } while (cursor !== undefined);
    expect(seen).toEqual(['run-5', 'run-4', 'run-3', 'run-2', 'run-1']);
  });

  it('filter runs by state', async () => {
    const page = await listRuns(model.db, { org: 'main', state: 'success' });
    expect(isBadCursor(page) ? [] : page.items.map(({ runId }) => runId)).toEqual([
      'run-4',
      'run-2',
    ]);
  });

  it('join a run with its record', async () => {
    expect(await runSummary(model.db, 'main', 'run-1')).toMatchObject({
      createdAt: at,
      record: { sha256: 'sha-1', firstSeq: 1, lastSeq: 11 },
    });
    expect(await recordRef(model.db, 'main', 'run-1')).toEqual({
      sha256: 'sha-1',
      firstSeq: 1,
      lastSeq: 11,
    });
    expect(await runRecord(model.db, 'main', 'run-1')).toMatchObject({
      completedAt: at,
      costUsd: 0.5,
      startedAt: null,
    });
  });

  it("answer another org's id like one that nobody has", async () => {
    expect(await runSummary(model.db, 'nobody', 'run-1')).toBeUndefined();
    expect(await recordRef(model.db, 'other', 'run-1')).toBeNull();
    expect(await runRecord(model.db, 'other', 'run-1')).toBeUndefined();
    expect(await trigger(model.db, 'other', 't1')).toBeUndefined();
    expect(await rule(model.db, 'other', 'ci')).toBeUndefined();
  });

  it('refuse a cursor that they did not make', async () => {
    for (const list of [listRuns, listTriggers, listAgents, listRules])
      expect(await list(model.db, { org: 'main', cursor: "x'; drop table" })).toEqual({
        code: 'bad-cursor',
      });
  });

  it('answer an empty list where nothing is', async () => {
    for (const list of [listTriggers, listAgents, listRules])
      expect(await list(model.db, { org: 'main' })).toEqual({ items: [], next: null });
  });

  it('unfold the events of records, NUL and all', async () => {
    const rows = await model.db
      .selectFrom('run_events')
      .selectAll()
      .where('run_id', '=', 'run-1')
      .execute();
    expect(rows).toMatchObject([
      {
        org: 'main',
        seq: 1,
        at,
        type: 'run.created',
        job_id: null,
        attempt: null,
        body: { text: 'nul \ufffd\ufffd \\u0000' },
      },
    ]);
  });
});

describe('attestations of one artefact', () => {
  it('of trusted runs come before those of forks, however new those are', async () => {
    const subjectDigest = 'ab'.repeat(32);
    for (const [n, trust] of [
      [9_001, 'trusted'],
      [9_002, 'fork'],
      [9_003, 'trusted'],
      [9_004, 'fork'],
    ] as const) {
      const run = { ...aRun('attested', n), trust };
      const { usage, trigger: about } = run;
      const texts = { usage: JSON.stringify(usage), trigger: JSON.stringify(about) };
      await model.db
        .insertInto('runs')
        .values({ ...run, ...texts })
        .execute();
      await model.db
        .insertInto('attestations')
        .values({
          org: 'attested',
          run_id: run.run_id,
          seq: n,
          job_id: 'j',
          attempt: 1,
          agent_id: 'a',
          subject_name: 'app',
          subject_digest: subjectDigest,
          media_type: 'x',
          sha256: 'x',
          size_bytes: 1,
          created_at: at,
        })
        .execute();
    }
    const found = await listAttestations(model.db, { org: 'attested', subjectDigest, limit: 10 });
    expect(found.map(({ seq, trust }) => [seq, trust])).toEqual([
      [9_003, 'trusted'],
      [9_001, 'trusted'],
      [9_004, 'fork'],
      [9_002, 'fork'],
    ]);
  });
});
