import { createHash } from 'node:crypto';
import { foldRun, type RunEvent, readRunMessage, runView, subjects } from '@waybill/protocol';
import { recordRef, runRecord, runSummary } from '@waybill/readmodel';
import canonicalize from 'canonicalize';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applyBatch } from './batch.ts';
import { openProjections } from './projection-list.ts';
import { type Bench, dump, foldAll, quietDeadLetters, startBench } from './projector.fixture.ts';
import { type LogWriter, newRunId, openLogWriter, writeLog } from './run-log.fixture.ts';
import { openRunProjection } from './run-projection.ts';

let bench: Bench;
let writer: LogWriter;

beforeAll(async () => {
  bench = await startBench();
  writer = openLogWriter(bench.journal, 'main');
  await writeLog(writer, 3);
  await writeLog(openLogWriter(bench.journal, 'other'), 1);
});
afterAll(() => bench.stop());

async function eventsOf(runId: string): Promise<readonly RunEvent[]> {
  const messages = await bench.journal.load('WB_RUNS', subjects.runFilter('main', runId));
  return messages.flatMap((message) => readRunMessage(message) ?? []);
}

describe('invariant 6: the projection is the fold, however the log is cut', () => {
  it('gives byte-identical rows and records for batches of 1, 7 and 1000, everything twice, and restarts', {
    timeout: 120_000,
  }, async () => {
    const whole = await bench.model('fold_1000');
    await foldAll(bench, whole, { batchMax: 1_000 });
    const expected = await dump(whole);
    for (const table of [
      'runs',
      'jobs',
      'attempts',
      'steps',
      'approvals',
      'usage_entries',
      'conversations',
      'context_bundles',
      'workspaces',
      'artifacts',
      'attestations',
      'agents',
      'sessions',
      'triggers',
      'rules',
      'run_records',
    ])
      expect(expected[table]?.length, table).toBeGreaterThan(0);
    for (const way of [
      { batchMax: 1 },
      { batchMax: 7, twice: true },
      { batchMax: 1_000, twice: true },
      { batchMax: 5, restarting: true },
    ]) {
      const model = await bench.model(
        `fold_${way.batchMax}_${Object.keys(way).length}_${'twice' in way}`,
      );
      await foldAll(bench, model, way);
      expect(await dump(model), JSON.stringify(way)).toEqual(expected);
    }
  });

  it('is the same when nothing may be kept in memory', async () => {
    const model = await bench.model('fold_tight');
    const limits = { runsMax: 2, lengthMax: 3_000 };
    const projection = openRunProjection({ ...bench, limits });
    const { identity } = await bench.journal.info('WB_RUNS');
    const target = { model, projection, identity, deadLetters: quietDeadLetters(bench) };
    const messages = await bench.messages('WB_RUNS');
    for (let start = 0; start < messages.length; start += 3)
      await applyBatch(target, messages.slice(start, start + 3), messages[start - 1]?.seq ?? 0);
    const expected = await bench.model('fold_1000');
    for (const table of [
      'runs',
      'jobs',
      'attempts',
      'steps',
      'approvals',
      'usage_entries',
      'conversations',
      'artifacts',
      'run_records',
    ])
      expect((await dump(model))[table]).toEqual((await dump(expected))[table]);
  });

  it('is the same when two projectors write the same log at once', async () => {
    const model = await bench.model('fold_two');
    const deadLetters = quietDeadLetters(bench);
    const projector = async (batchMax: number): Promise<void> => {
      for (const projection of openProjections(bench)) {
        const { stream } = projection;
        const { identity } = await bench.journal.info(stream);
        const messages = await bench.messages(stream);
        for (let start = 0; start < messages.length; start += batchMax) {
          const batch = messages.slice(start, start + batchMax);
          await applyBatch(
            { model, projection, identity, deadLetters },
            batch,
            messages[start - 1]?.seq ?? 0,
          );
        }
      }
    };
    await Promise.all([projector(5), projector(8)]);
    expect(await dump(model)).toEqual(await dump(await bench.model('fold_1000')));
  });
});

describe('rows', () => {
  it('show a stale decision behind a fact as void', async () => {
    const model = await bench.model('fold_1000');
    const runId = newRunId('main', 'delivery-0-2');
    const [attempt, ...more] = await model.db
      .selectFrom('attempts')
      .selectAll()
      .where('run_id', '=', runId)
      .execute();
    expect(more).toEqual([]);
    expect(attempt).toMatchObject({ org: 'main', attempt: 1, resolution: 'accepted' });
    expect(await runSummary(model.db, 'main', runId)).toMatchObject({
      state: 'success',
      anomalies: 1,
    });
  });

  it('say what the view of the run says', async () => {
    const model = await bench.model('fold_1000');
    const runId = newRunId('main', 'delivery-1-0');
    const view = runView(foldRun(await eventsOf(runId)), 'main', runId);
    const { jobs: _jobs, artifacts: _artifacts, record: _record, ...fields } = view;
    expect(await runSummary(model.db, 'main', runId)).toEqual({
      ...fields,
      record: await recordRef(model.db, 'main', runId),
    });
  });

  it('show what people were asked, what they said and how it ended', async () => {
    const model = await bench.model('fold_1000');
    const runId = newRunId('main', 'delivery-0-4');
    const rows = await model.db
      .selectFrom('approvals')
      .selectAll()
      .where('run_id', '=', runId)
      .orderBy('id')
      .execute();
    expect(rows).toMatchObject([
      {
        id: `${runId}-0-p0`,
        attempt: null,
        step_index: null,
        reason: 'it goes\ufffd live',
        clauses: [{ user: 'ada' }],
        votes: [{ by: 'ada', decision: 'approve', reason: null }],
        state: 'approved',
        outcome: 'approved',
      },
      {
        id: `${runId}-0-p1`,
        attempt: 1,
        step_index: 0,
        step_name: 'deploy',
        votes: [{ by: 'ada', teams: ['ops'], decision: 'reject' }],
        state: 'rejected',
      },
      { id: `${runId}-0-p2`, step_index: null, state: 'withdrawn', outcome: 'withdrawn' },
    ]);
  });

  it('show what an agent has used, what came behind the end of its run marked as late', async () => {
    const model = await bench.model('fold_1000');
    const runId = newRunId('main', 'delivery-0-5');
    const rows = await model.db
      .selectFrom('usage_entries')
      .selectAll()
      .where('run_id', '=', runId)
      .orderBy('seq')
      .orderBy('index')
      .execute();
    expect(rows).toMatchObject([
      { report_id: 'u1', kind: 'model_call', cost_usd: 0.25, input_tokens: 7, late: false },
      { report_id: 'u1', index: 1, kind: 'tool_call', tool_name: 'search\ufffd', cost_usd: null },
      { report_id: 'u2', cost_usd: 1, late: true },
      { report_id: 'u2', index: 1, late: true },
    ]);
    expect(rows[0]).toMatchObject({ agent_id: 'agent-1', started_at: '2023-11-14T22:13:20.000Z' });
  });

  it('show a conversation from its beginning to its end, and nothing that is void', async () => {
    const model = await bench.model('fold_1000');
    const runId = newRunId('main', 'delivery-0-5');
    const of = (table: 'conversations' | 'artifacts' | 'attestations') =>
      model.db.selectFrom(table).selectAll().where('run_id', '=', runId).execute();
    const [conversation, ...more] = await of('conversations');
    expect(more).toEqual([]);
    expect(conversation).toMatchObject({ state: 'ended', model: 'm1', turns: 3 });
    expect(conversation?.started_at.localeCompare(conversation.ended_at ?? '')).toBeLessThan(1);
    expect(conversation?.conversation_id).toMatch(/^c{180}…[0-9a-f]{64}$/);
    expect(await of('artifacts')).toMatchObject([{ name: 'out.txt', size_bytes: 5 }]);
    expect(await of('attestations')).toMatchObject([{ subject_name: 'out.txt' }]);
  });

  it('show words that Postgres cannot hold as the nearest it can', async () => {
    const model = await bench.model('fold_1000');
    const runId = newRunId('main', 'delivery-0-3');
    const steps = await model.db
      .selectFrom('steps')
      .selectAll()
      .where('run_id', '=', runId)
      .orderBy('index')
      .execute();
    expect(steps).toMatchObject([
      { index: 1, exit_code: 3, type: 'step' },
      {
        index: 3,
        exit_code: null,
        type: 'x'.repeat(64),
        name: 'nul \ufffd, half \ufffd, backslash \\u0000',
      },
    ]);
    const [job] = await model.db
      .selectFrom('jobs')
      .select('failure')
      .where('run_id', '=', runId)
      .where('index', '=', 0)
      .execute();
    expect(job?.failure).toBe('\ufffd'.repeat(3));
  });

  it('give an agent its last session, and a second decision of a trigger no place', async () => {
    const model = await bench.model('fold_1000');
    const agents = await model.db
      .selectFrom('agents')
      .selectAll()
      .where('org', '=', 'main')
      .orderBy('agent_id')
      .execute();
    expect(agents.map(({ state, code }) => ({ state, code }))).toEqual([
      { state: 'offline', code: 1006 },
      { state: 'online', code: null },
      { state: 'offline', code: 1006 },
    ]);
    expect(agents[0]).toMatchObject({
      labels: ['linux', 'a\ufffdb'],
      max_concurrency: 2,
      host: { platform: 'linux', cpuCount: 4 },
      last_status: { activeJobs: 1 },
    });
    const triggers = await model.db.selectFrom('triggers').select('decision').execute();
    expect(new Set(triggers.map(({ decision }) => decision))).toEqual(new Set(['run']));
    const rules = await model.db
      .selectFrom('rules')
      .selectAll()
      .where('org', '=', 'main')
      .execute();
    expect(rules).toMatchObject([{ name: 'ci', generation: 3, source: 'github', event: 'push' }]);
  });
});

describe('run records', () => {
  it('are canonical JSON whose hash recomputes, chained in the order of run.completed', async () => {
    const model = await bench.model('fold_1000');
    for (const org of ['main', 'other']) {
      const rows = await model.db
        .selectFrom('run_records')
        .selectAll()
        .where('org', '=', org)
        .orderBy('last_seq')
        .execute();
      expect(rows.length).toBe(org === 'main' ? 18 : 6);
      let previous: string | null = null;
      for (const row of rows) {
        const text = Buffer.from(row.body).toString('utf8');
        const record: unknown = JSON.parse(text);
        expect(text).toBe(canonicalize(record));
        expect(createHash('sha256').update(row.body).digest('hex')).toBe(row.sha256);
        expect(record).toMatchObject({
          recordVersion: 1,
          org,
          runId: row.run_id,
          previous,
          firstSeq: row.first_seq,
          lastSeq: row.last_seq,
        });
        expect(row.previous_sha256).toBe(previous);
        previous = row.sha256;
      }
    }
  });

  it('hold the view as of run.completed and every event up to it', async () => {
    const model = await bench.model('fold_1000');
    for (const scenario of [0, 1, 2]) {
      const runId = newRunId('main', `delivery-0-${scenario}`);
      const stored = await runRecord(model.db, 'main', runId);
      const record: unknown = JSON.parse(Buffer.from(stored?.body ?? []).toString('utf8'));
      const events = (await eventsOf(runId)).filter(({ seq }) => seq <= (stored?.lastSeq ?? 0));
      const { record: _record, ...view } = runView(foldRun(events), 'main', runId);
      expect(record).toMatchObject({ run: view });
      const { rows } = await sql<{ seq: number; type: string; id: string }>`
        select seq, type, id from ${sql.id(model.schema, 'run_events')} where run_id = ${runId} order by seq`.execute(
        model.root,
      );
      expect(rows.map(({ seq, id }) => ({ seq, id }))).toEqual(
        events.map(({ seq, id }) => ({ seq, id })),
      );
      expect(rows.at(-1)?.type).toBe('run.completed');
    }
  });

  it('unfold in SQL whatever agents have said, and never repeat what could not be read', async () => {
    const model = await bench.model('fold_1000');
    const runId = newRunId('main', 'delivery-0-3');
    const { rows } = await sql<{ body: unknown; type: string }>`
      select type, body from ${sql.id(model.schema, 'run_events')} where run_id = ${runId} order by seq`.execute(
      model.root,
    );
    expect(rows.length).toBeGreaterThan(8);
    const text = Buffer.from((await runRecord(model.db, 'main', runId))?.body ?? []).toString(
      'utf8',
    );
    expect(text).not.toContain('hunter2');
    expect(text).toContain('"unreadable":{"code":"unknown-type"');
    expect(text).toContain('"altered":{');
  });
});

describe('what cannot be read', () => {
  it('is reported in WB_DEAD once, with its place and without its content', async () => {
    const dead = await bench.messages('WB_DEAD');
    const reports = dead.map(
      (message) =>
        JSON.parse(Buffer.from(message.body).toString('utf8')) as {
          stream: string;
          seq: number;
          code: string;
        },
    );
    const ids = dead.map((message) => message.header('ce-id'));
    expect(new Set(ids).size).toBe(ids.length);
    const codes = (stream: string) =>
      new Set(reports.filter((each) => each.stream === stream).map(({ code }) => code));
    expect(codes('WB_RUNS')).toEqual(
      new Set(['not-json', 'unknown-type', 'invalid-body', 'unknown-subject']),
    );
    expect(codes('WB_AGENTS')).toEqual(new Set(['invalid-body']));
    expect(codes('WB_CONFIG')).toEqual(new Set(['invalid-body']));
    // Per round of the log: four in its runs, one status of an agent, one rule.
    expect(reports.length).toBe(4 * 6);
    expect(
      dead.every(
        (message) =>
          message.subject ===
          subjects.dead(message.subject.split('.')[3] ?? '', message.subject.split('.')[4] ?? ''),
      ),
    ).toBe(true);
    expect(
      dead.map((message) => Buffer.from(message.body).toString('utf8')).join(''),
    ).not.toContain('hunter2');
  });
});
