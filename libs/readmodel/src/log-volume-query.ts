/** How much log the runs of an org have streamed, as their agents have counted it. */
import { type Kysely, sql } from 'kysely';
import type { Database } from './tables.ts';

export async function logVolume(db: Kysely<Database>, org: string): Promise<number> {
  const { bytes } = await db
    .selectFrom('runs')
    .select(sql<number>`coalesce(sum(log_bytes), 0)`.as('bytes'))
    .where('org', '=', org)
    .executeTakeFirstOrThrow();
  return bytes;
}
