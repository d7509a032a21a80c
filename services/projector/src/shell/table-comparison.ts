/**
 * Two tables of one kind row by row, as canonical text and in the order of their keys, without holding either in memory:
 * cursors of two connections, merged.
 */
import type { Database, TableName } from '@waybill/readmodel';
import { tables } from '@waybill/readmodel';
import { CompiledQuery, type Transaction } from 'kysely';

export type Difference = Readonly<{
  table: TableName;
  key: string;
  /** `missing`: folded from the log and not in the table. `surplus`: in the table and not in the log. */
  problem: 'missing' | 'surplus' | 'different';
  stored: string | null;
  folded: string | null;
}>;

type Line = Readonly<{ key: string; row: string }>;
type Side = Readonly<{ db: Transaction<Database>; schema: string }>;

const fetchMax = 1_000;

/** `where` is SQL of ours over the table's columns; `true` for all rows. */
export async function compareTable(
  table: TableName,
  sides: Readonly<{ stored: Side; folded: Side }>,
  where: string,
  onDifference: (difference: Difference) => void,
): Promise<number> {
  const stored = linesOf(sides.stored, table, where);
  const folded = linesOf(sides.folded, table, where);
  let count = 0;
  let [a, b] = [await nextOf(stored), await nextOf(folded)];
  while (a !== undefined || b !== undefined) {
    count += 1;
    const order = orderOf(a, b);
    if (order < 0 && a !== undefined)
      onDifference({ table, key: a.key, problem: 'surplus', stored: a.row, folded: null });
    else if (order > 0 && b !== undefined)
      onDifference({ table, key: b.key, problem: 'missing', stored: null, folded: b.row });
    else if (a !== undefined && b !== undefined && a.row !== b.row)
      onDifference({ table, key: a.key, problem: 'different', stored: a.row, folded: b.row });
    const [stepA, stepB] = [order <= 0, order >= 0];
    if (stepA) a = await nextOf(stored);
    if (stepB) b = await nextOf(folded);
  }
  return count;
}

/** In bytes of UTF-8, as the "C" collation of Postgres has it. */
function orderOf(a: Line | undefined, b: Line | undefined): number {
  if (a === undefined) return 1;
  if (b === undefined) return -1;
  return Buffer.compare(Buffer.from(a.key), Buffer.from(b.key));
}

async function nextOf(lines: AsyncGenerator<Line, undefined>): Promise<Line | undefined> {
  return (await lines.next()).value;
}

async function* linesOf(
  { db, schema }: Side,
  table: TableName,
  where: string,
): AsyncGenerator<Line, undefined> {
  const key = tables[table].key.map((name) => `"${name}"`).join(', ');
  const cursor = `compare_${table}`;
  const ask = (text: string) => db.executeQuery<Line>(CompiledQuery.raw(text));
  await ask(
    `declare ${cursor} no scroll cursor for select key, row from ` +
      `(select jsonb_build_array(${key})::text as key, t::text as row from "${schema}"."${table}" t where ${where}) rows ` +
      `order by key collate "C"`,
  );
  for (;;) {
    const { rows } = await ask(`fetch ${fetchMax} from ${cursor}`);
    yield* rows;
    if (rows.length < fetchMax) break;
  }
  await ask(`close ${cursor}`);
  return undefined;
}
