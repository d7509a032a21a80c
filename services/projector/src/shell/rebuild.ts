/**
 * Folds everything again from the first sequence, in one transaction: readers see the old rows until the new ones are there,
 * and a rebuild that is cut off has changed nothing. A live projector waits at the checkpoints and goes on behind it. Records
 * are never dropped: what is missing is written, the rest compared; beside those of another log nothing is rebuilt.
 */
import type { Journal } from '@waybill/journal';
import type { Clock, Logger } from '@waybill/process';
import { allSubjects, type StreamName } from '@waybill/protocol';
import { projectionTables, type ReadModel } from '@waybill/readmodel';
import { applyWithin } from './batch.ts';
import { lockCheckpoint } from './checkpoint.ts';
import { refuseForeignRecords } from './foreign-record.ts';
import type { Projection } from './projection.ts';
import { openProjections } from './projection-list.ts';
import type { Mismatch } from './record-writer.ts';
import type { Tx } from './row-writer.ts';

export type ProjectionContext = Readonly<{
  journal: Journal;
  model: ReadModel;
  log: Logger;
  clock: Clock;
  /** Messages in one write: 500 unless given. */
  batchMax?: number;
}>;

export type FoldReport = Readonly<{
  stream: StreamName;
  events: number;
  rows: number;
  unreadable: number;
  upToSeq: number;
  records: Readonly<{ compared: number; written: number; mismatched: readonly Mismatch[] }>;
}>;

const filters: Readonly<Partial<Record<StreamName, string>>> = {
  WB_CONFIG: allSubjects.config,
  WB_AGENTS: allSubjects.agents,
  WB_TRIGGERS: allSubjects.triggers,
  WB_RUNS: allSubjects.runs,
};

export async function rebuildProjections(o: ProjectionContext): Promise<readonly FoldReport[]> {
  const { model, journal } = o;
  const projections = openProjections(o);
  return model.db.transaction().execute(async (db) => {
    const tx: Tx = { db, schema: model.schema };
    const identities = new Map<StreamName, string>();
    for (const { stream } of projections) {
      const { identity } = await journal.info(stream);
      identities.set(stream, identity);
      await lockCheckpoint(tx, stream, identity);
    }
    await refuseForeignRecords(tx, journal);
    for (const table of projectionTables) await db.deleteFrom(table).execute();
    await db.updateTable('checkpoints').set({ seq: 0, event_id: '' }).execute();
    const reports: FoldReport[] = [];
    for (const projection of projections) {
      const identity = identities.get(projection.stream) ?? '';
      reports.push(await foldStream(o, { tx, projection, identity }));
    }
    return reports;
  });
}

export type FoldTarget = Readonly<{
  /** One transaction for all; without it, one for each batch. */
  tx?: Tx;
  projection: Projection;
  identity: string;
  upToSeq?: number;
}>;

/** From the first sequence to `upToSeq`, or to what exists now. */
export async function foldStream(o: ProjectionContext, target: FoldTarget): Promise<FoldReport> {
  const { projection, identity, upToSeq } = target;
  const { stream } = projection;
  const total = { events: 0, rows: 0, unreadable: 0, upToSeq: 0, compared: 0, written: 0 };
  const mismatched: Mismatch[] = [];
  const inTransaction = async <T>(work: (tx: Tx) => Promise<T>): Promise<T> => {
    if (target.tx !== undefined) return work(target.tx);
    return o.model.db.transaction().execute((db) => work({ db, schema: o.model.schema }));
  };
  const { journal, model } = o;
  await journal.replay({
    stream,
    filter: filters[stream] ?? '>',
    batchMax: o.batchMax ?? 500,
    ...(upToSeq === undefined ? {} : { toSeq: upToSeq }),
    onBatch: async (messages) => {
      const done = await inTransaction(async (tx) => {
        const checkpoint = await lockCheckpoint(tx, stream, identity);
        return applyWithin(tx, { model, projection, identity }, messages, checkpoint.seq);
      });
      done?.keep();
      total.events += messages.length;
      total.upToSeq = messages.at(-1)?.seq ?? total.upToSeq;
      total.rows += done?.rows ?? 0;
      total.unreadable += done?.poison.length ?? 0;
      total.compared += done?.records.compared ?? 0;
      total.written += done?.records.written ?? 0;
      mismatched.push(...(done?.records.mismatched ?? []));
    },
  });
  const { compared, written, ...counts } = total;
  o.log.info({ stream, ...counts, compared, written, mismatched: mismatched.length }, 'folded');
  return { stream, ...counts, records: { compared, written, mismatched } };
}
