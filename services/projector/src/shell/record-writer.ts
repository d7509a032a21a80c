/**
 * Run records into their table: each once, chained in the order of `run.completed`. One that is there already is compared and
 * never written again; a difference is a defect and named.
 */

import { milestone } from '@waybill/process';
import { iso } from '@waybill/protocol';
import { type RowDraft, tables } from '@waybill/readmodel';
import { CompiledQuery, sql } from 'kysely';
import { textValue } from '../domain/column-value.ts';
import type { Tx } from './row-writer.ts';
import { type EndedRun, recordText, recordVersion } from './run-record.ts';

export type Mismatch = Readonly<{ org: string; runId: string; stored: string; folded: string }>;
export type RecordCounts = Readonly<{
  written: number;
  compared: number;
  mismatched: readonly Mismatch[];
}>;

export class RecordMismatch extends Error {
  override readonly name = 'RecordMismatch';
  readonly code = 'record-mismatch';

  constructor({ org, runId, stored, folded }: Mismatch) {
    super(
      `the record of run ${runId} of ${org} is stored as ${stored}, and the log folds to ${folded}`,
    );
  }
}

type NewRecord = Readonly<{
  ended: EndedRun;
  text: string;
  sha256: string;
  previous: string | null;
}>;

/** In the order of `run.completed`. */
export async function writeRecords(tx: Tx, ended: readonly EndedRun[]): Promise<RecordCounts> {
  if (ended.length === 0) return { written: 0, compared: 0, mismatched: [] };
  const stored = await storedHashes(tx, ended);
  const chain = await previousHashes(tx, ended);
  const mismatched: Mismatch[] = [];
  const missing: NewRecord[] = [];
  for (const each of ended) {
    const previous = chain.get(each.org) ?? null;
    const { text, sha256 } = recordText(each, previous);
    const there = stored.get(keyOf(each));
    if (there === undefined) missing.push({ ended: each, text, sha256, previous });
    else if (there !== sha256)
      mismatched.push({ org: each.org, runId: each.runId, stored: there, folded: sha256 });
    // A difference stays in its own record: the next one is chained to what is stored.
    chain.set(each.org, there ?? sha256);
  }
  for (const group of groupsOf(missing)) await insertRecords(tx, group);
  if (missing.length > 0) milestone('record.written');
  return { written: missing.length, compared: stored.size, mismatched };
}

/** Characters in one statement; a record greater than that goes alone. */
const statementLengthMax = 8 * 1024 * 1024;

function groupsOf(records: readonly NewRecord[]): readonly (readonly NewRecord[])[] {
  const groups: NewRecord[][] = [];
  let room = 0;
  for (const record of records) {
    const group = groups.at(-1);
    if (group === undefined || record.text.length > room) {
      groups.push([record]);
      room = statementLengthMax - record.text.length;
    } else {
      group.push(record);
      room -= record.text.length;
    }
  }
  return groups;
}

const keyOf = ({ org, runId }: Pick<EndedRun, 'org' | 'runId'>): string => `${org}/${runId}`;

async function storedHashes(
  { db }: Tx,
  ended: readonly EndedRun[],
): Promise<ReadonlyMap<string, string>> {
  const rows = await db
    .selectFrom('run_records')
    .select(['org', 'run_id', 'sha256'])
    .where('org', 'in', [...new Set(ended.map(({ org }) => org))])
    .where('run_id', '=', sql<string>`any(${ended.map(({ runId }) => runId)}::text[])`)
    .execute();
  const wanted = new Set(ended.map(keyOf));
  return new Map(
    rows
      .map((row): [string, string] => [keyOf({ org: row.org, runId: row.run_id }), row.sha256])
      .filter(([key]) => wanted.has(key)),
  );
}

/** For each org, the hash of the last record before the first of these. */
async function previousHashes(tx: Tx, ended: readonly EndedRun[]): Promise<Map<string, string>> {
  const firsts = new Map<string, number>();
  for (const { org, run } of ended) if (!firsts.has(org)) firsts.set(org, run.seq);
  const records = `"${tx.schema}"."run_records"`;
  const statement =
    `select o.org, r.sha256 from unnest($1::text[], $2::bigint[]) o(org, below) cross join lateral ` +
    `(select sha256 from ${records} r where r.org = o.org and r.last_seq < o.below order by r.last_seq desc limit 1) r`;
  const { rows } = await tx.db.executeQuery<Readonly<{ org: string; sha256: string }>>(
    CompiledQuery.raw(statement, [[...firsts.keys()], [...firsts.values()]]),
  );
  return new Map(rows.map((row): [string, string] => [row.org, row.sha256]));
}

/** `body` as text: canonical JSON has no NUL, and takes half the room of bytes on the way. */
type RecordRow = Readonly<Omit<RowDraft<'run_records'>, 'body'> & { body: string }>;

/** Rows of values and not arrays: an array would quote every quotation mark of every body once more. */
async function insertRecords(tx: Tx, records: readonly NewRecord[]): Promise<void> {
  const rows: readonly Readonly<Record<string, unknown>>[] = records.map(rowOf);
  const columns = Object.entries(tables.run_records.columns);
  const values: unknown[] = [];
  const lines = rows.map((row) => {
    const places = columns.map(([name, type]) => {
      const value = row[name];
      const isTime = type.startsWith('timestamptz') && typeof value === 'number';
      const place = `$${values.push(isTime ? iso(value) : value)}`;
      return name === 'body'
        ? `convert_to(${place}, 'UTF8')`
        : `${place}::${type.replace('?', '')}`;
    });
    return `(${places.join(', ')})`;
  });
  const names = columns.map(([name]) => name).join(', ');
  const statement = `insert into "${tx.schema}"."run_records" (${names}) values ${lines.join(', ')}`;
  await tx.db.executeQuery(CompiledQuery.raw(statement, values));
}

function rowOf({ ended: { org, runId, run }, text, sha256, previous }: NewRecord): RecordRow {
  const { created, completed } = run;
  if (created === null || completed === null) throw new TypeError(`run ${runId} has not ended`);
  return {
    org,
    run_id: runId,
    record_version: recordVersion,
    state: completed.state,
    created_at: run.createdAt,
    started_at: completed.startedAt,
    completed_at: completed.completedAt,
    duration_ms: completed.durationMs,
    cost_usd: completed.costUsd,
    workflow: textValue(created.workflow),
    trigger_source: textValue(created.trigger.source),
    first_seq: run.firstSeq,
    last_seq: run.seq,
    sha256,
    previous_sha256: previous,
    body: text,
  };
}
