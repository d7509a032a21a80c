/**
 * Is what the tables say what the log says? Folds the log into a shadow schema, up to the checkpoints of one snapshot of the live
 * one, and compares every row and record byte for byte. Changes nothing, and may run beside everything else.
 */
import { randomBytes } from 'node:crypto';
import type { Journal } from '@waybill/journal';
import type { StreamName } from '@waybill/protocol';
import {
  type Database,
  migrate,
  projectionTables,
  type ReadModel,
  type TableName,
} from '@waybill/readmodel';
import type { Transaction } from 'kysely';
import { openProjections } from './projection-list.ts';
import { foldStream, type ProjectionContext } from './rebuild.ts';
import { compareTable, type Difference } from './table-comparison.ts';

export type VerifyReport = Readonly<{
  /** True when nothing differs. */
  ok: boolean;
  streams: readonly Readonly<{ stream: StreamName; upToSeq: number; events: number }>[];
  tables: readonly Readonly<{ table: TableName; rows: number; differences: number }>[];
  /** The first hundred of each table. */
  differences: readonly Difference[];
}>;

const listedMax = 100;
const compared: readonly TableName[] = [...projectionTables, 'run_records'];

export async function verifyProjections(o: ProjectionContext): Promise<VerifyReport> {
  const shadow = o.model.withSchema(`waybill_verify_${randomBytes(6).toString('hex')}`);
  try {
    // One snapshot for checkpoints and rows: a live projector goes on meanwhile.
    return await o.model.db
      .transaction()
      .setIsolationLevel('repeatable read')
      .setAccessMode('read only')
      .execute((live) => verifySnapshot(o, live, shadow));
  } finally {
    await o.model.root.schema.dropSchema(shadow.schema).ifExists().cascade().execute();
  }
}

async function verifySnapshot(
  o: ProjectionContext,
  live: Transaction<Database>,
  shadow: ReadModel,
): Promise<VerifyReport> {
  const stands = await live.selectFrom('checkpoints').selectAll().execute();
  await migrate(shadow);
  const streams: { stream: StreamName; upToSeq: number; events: number }[] = [];
  for (const projection of openProjections(o)) {
    const { stream } = projection;
    const checkpoint = stands.find((each) => each.stream === stream);
    const upToSeq = checkpoint?.seq ?? 0;
    const identity = checkpoint?.identity ?? '';
    const folded =
      upToSeq === 0
        ? { events: 0 }
        : await foldStream({ ...o, model: shadow }, { projection, identity, upToSeq });
    streams.push({ stream, upToSeq, events: folded.events });
  }
  const scope = await scopeOf(o.journal);
  const differences: Difference[] = [];
  const tables = await shadow.db.transaction().execute(async (folded) => {
    const counts: { table: TableName; rows: number; differences: number }[] = [];
    for (const table of compared) {
      let found = 0;
      const sides = {
        stored: { db: live, schema: o.model.schema },
        folded: { db: folded, schema: shadow.schema },
      };
      const rows = await compareTable(table, sides, scope(table), (difference) => {
        found += 1;
        if (found <= listedMax) differences.push(difference);
      });
      counts.push({ table, rows, differences: found });
    }
    return counts;
  });
  return { ok: differences.length === 0, streams, tables, differences };
}

/** WB_AGENTS forgets: of sessions that it no longer has, nothing can be said. */
async function scopeOf(journal: Journal): Promise<(table: TableName) => string> {
  const { firstSeq } = await journal.info('WB_AGENTS');
  return (table) =>
    table === 'agents' || table === 'sessions' ? `session >= ${Math.trunc(firstSeq)}` : 'true';
}
