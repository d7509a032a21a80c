/** The runs that a tier above is told of when it connects, as of one sequence of the log. */
import type { Kysely } from 'kysely';
import type { Database } from './tables.ts';

export type UpstreamRuns = Readonly<{
  /** Everything up to it is in the tables, and nothing behind it. */
  seq: number;
  /** The newest of those that have not ended, then those that ended last. `seq`: of the run's last event. */
  runs: readonly Readonly<{ runId: string; seq: number }>[];
  /** How many have not ended. */
  openCount: number;
}>;

type Wanted = Readonly<{ limit: number; endedSince: string }>;

export function upstreamRuns(
  db: Kysely<Database>,
  org: string,
  { limit, endedSince }: Wanted,
): Promise<UpstreamRuns> {
  // Rows and checkpoint of one moment.
  const moment = db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only');
  return moment.execute(async (tx) => {
    const checkpoint = await tx
      .selectFrom('checkpoints')
      .select('seq')
      .where('stream', '=', 'WB_RUNS')
      .executeTakeFirst();
    const open = tx
      .selectFrom('runs')
      .where('org', '=', org)
      .where('state', 'in', ['pending', 'running', 'cancelling']);
    const counted = await open
      .select((count) => count.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    const active = await open
      .select(['run_id', 'seq'])
      .orderBy('first_seq', 'desc')
      .limit(limit)
      .execute();
    const ended = await tx
      .selectFrom('runs')
      .where('org', '=', org)
      .where('state', 'in', ['success', 'failed', 'cancelled'])
      .where('completed_at', '>=', endedSince)
      .select(['run_id', 'seq'])
      .orderBy('completed_at', 'desc')
      .limit(limit - active.length)
      .execute();
    const runs = [...active, ...ended].map((row) => ({ runId: row.run_id, seq: row.seq }));
    return { seq: checkpoint?.seq ?? 0, runs, openCount: counted.count };
  });
}
