/**
 * Rows into tables: one statement for each table and batch, `insert … select from unnest … on conflict do update`. The
 * statements come from the tables as data; values are made what Postgres can hold before they leave.
 */
import { iso } from '@waybill/protocol';
import {
  type ColumnKind,
  type Database,
  type Row,
  type RowDraft,
  type TableName,
  tables,
} from '@waybill/readmodel';
import { CompiledQuery, type Transaction } from 'kysely';
import { documentValue, instantValue, numberValue, textValue } from '../domain/column-value.ts';

export type Tx = Readonly<{ db: Transaction<Database>; schema: string }>;

type AnyRow = Readonly<Record<string, unknown>>;
type Column = Readonly<{ name: string; kind: ColumnKind; nullable: boolean }>;

/** Bounds the memory of one statement; the batch stays one transaction. */
const rowsPerStatement = 5_000;

const columns = Object.fromEntries(
  Object.entries(tables).map(([table, spec]) => [
    table,
    Object.entries(spec.columns).map(([name, type]): Column => {
      const nullable = type.endsWith('?');
      // What is left without its mark is a kind: the table is declared so.
      const kind = (nullable ? type.slice(0, -1) : type) as ColumnKind;
      return { name, kind, nullable };
    }),
  ]),
);

const quoted = (name: string): string => `"${name}"`;

export async function writeRows<T extends TableName>(
  tx: Tx,
  table: T,
  drafts: readonly RowDraft<T>[],
): Promise<number> {
  // Two rows of one key in a statement are an error in Postgres; the later one is what holds.
  const unique = new Map<string, AnyRow>(drafts.map((draft) => [rowKey(table, draft), draft]));
  const rows = [...unique.values()];
  const statement = upsertOf(tx.schema, table);
  for (let start = 0; start < rows.length; start += rowsPerStatement) {
    const part = rows.slice(start, start + rowsPerStatement);
    const values = columnsOf(table).map((column) =>
      part.map((row) => valueOf(column, row[column.name])),
    );
    await tx.db.executeQuery(CompiledQuery.raw(statement, values));
  }
  return rows.length;
}

/** The rows of these keys as drafts, by key: what a fold that lives in the table goes on from. */
export async function readRows<T extends TableName>(
  tx: Tx,
  table: T,
  keys: readonly AnyRow[],
): Promise<Map<string, RowDraft<T>>> {
  const found = new Map<string, RowDraft<T>>();
  if (keys.length === 0) return found;
  const names: readonly string[] = tables[table].key;
  const parts = columnsOf(table).filter(({ name }) => names.includes(name));
  const casts = parts.map(({ kind }, index) => `$${index + 1}::${kind}[]`).join(', ');
  const list = parts.map(({ name }) => quoted(name)).join(', ');
  const statement = `select t.* from ${quoted(tx.schema)}.${quoted(table)} t join unnest(${casts}) k(${list}) using (${list})`;
  const values = parts.map((part) => keys.map((key) => valueOf(part, key[part.name])));
  const { rows } = await tx.db.executeQuery<Row<T>>(CompiledQuery.raw(statement, values));
  for (const row of rows) found.set(rowKey(table, row), draftOf(table, row));
  return found;
}

/** The key of a row as text, equal for a row and its draft: what Postgres cannot hold is not in it. */
export const rowKey = (table: TableName, row: AnyRow): string =>
  JSON.stringify(
    tables[table].key.map((name: string) => {
      const value = row[name];
      return typeof value === 'string' ? textValue(value) : value;
    }),
  );

const columnsOf = (table: TableName): readonly Column[] => columns[table] ?? [];

const statements = new Map<string, string>();

function upsertOf(schema: string, table: TableName): string {
  const known = statements.get(`${schema}.${table}`);
  if (known !== undefined) return known;
  const all = columnsOf(table);
  const key: readonly string[] = tables[table].key;
  const list = all.map(({ name }) => quoted(name)).join(', ');
  const casts = all.map(({ kind }, index) => `$${index + 1}::${kind}[]`).join(', ');
  const set = all
    .filter(({ name }) => !key.includes(name))
    .map(({ name }) => `${quoted(name)} = excluded.${quoted(name)}`)
    .join(', ');
  const statement =
    `insert into ${quoted(schema)}.${quoted(table)} (${list}) select * from unnest(${casts}) ` +
    `on conflict (${key.map(quoted).join(', ')}) do update set ${set}`;
  statements.set(`${schema}.${table}`, statement);
  return statement;
}

function valueOf({ kind, nullable }: Column, value: unknown): unknown {
  if (value === undefined || (value === null && nullable)) return null;
  switch (kind) {
    case 'text':
      return typeof value === 'string' ? textValue(value) : null;
    case 'double precision':
      return typeof value === 'number' ? numberValue(value) : null;
    case 'timestamptz':
      return typeof value === 'number' ? iso(instantValue(value)) : null;
    case 'jsonb':
      return JSON.stringify(documentValue(value));
    default:
      return value;
  }
}

function draftOf<T extends TableName>(table: T, row: AnyRow): RowDraft<T> {
  const entries = columnsOf(table).map(({ name, kind }): [string, unknown] => {
    const value = row[name];
    return [name, kind === 'timestamptz' && typeof value === 'string' ? Date.parse(value) : value];
  });
  // Every column of the table, each converted by its own kind.
  return Object.fromEntries(entries) as RowDraft<T>;
}
