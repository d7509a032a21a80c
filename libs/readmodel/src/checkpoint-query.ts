/** How far each stream has been folded into the tables. */
import type { Kysely } from 'kysely';
import type { Database } from './tables.ts';

export type Checkpoint = Readonly<{ stream: string; identity: string; seq: number; id: string }>;

export async function checkpoints(db: Kysely<Database>): Promise<readonly Checkpoint[]> {
  const rows = await db.selectFrom('checkpoints').selectAll().orderBy('stream').execute();
  return rows.map(({ stream, identity, seq, event_id: id }) => ({ stream, identity, seq, id }));
}
