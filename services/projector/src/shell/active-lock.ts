/**
 * One projector at a time: an advisory lock of Postgres, held by a connection of its own and gone with it. It only saves work;
 * what two at once would write is kept right by the checkpoint's row lock.
 */
import { type Clock, type Logger, Outage } from '@waybill/process';
import type { Connection, ReadModel } from '@waybill/readmodel';

export type ActiveLock = Readonly<{
  /** Resolves when the connection, and the lock with it, is lost. */
  lost: Promise<void>;
  release(): Promise<void>;
}>;

type Options = Readonly<{ model: ReadModel; clock: Clock; log: Logger; signal: AbortSignal }>;

const againMs = 500;

/** Undefined when another projector has it. */
export async function tryActiveLock({
  model,
}: Pick<Options, 'model'>): Promise<ActiveLock | undefined> {
  const client = await model.connect();
  const lost = Promise.withResolvers<void>();
  const onLost = (): void => lost.resolve();
  client.on('error', onLost);
  client.on('end', onLost);
  // The pool keeps the connection for others: nothing of ours may pile up on it.
  const leave = (): void => {
    client.off('error', onLost);
    client.off('end', onLost);
  };
  const key = `waybill projector of ${model.schema}`;
  try {
    const { rows } = await client.query<{ held: boolean }>(
      'select pg_try_advisory_lock(hashtextextended($1, 0)) as held',
      [key],
    );
    if (rows[0]?.held === true)
      return { lost: lost.promise, release: () => give(client, key).finally(leave) };
    leave();
    client.release();
    return undefined;
  } catch (error) {
    leave();
    client.release(true);
    throw error;
  }
}

/** Waits for as long as it takes; an unreachable database is waited for too. */
export async function takeActiveLock(
  o: Options,
  onWait: (why: string) => void,
): Promise<ActiveLock> {
  for (let said = ''; ; ) {
    o.signal.throwIfAborted();
    const found = await tryActiveLock(o).catch((error: unknown) => {
      return new Outage('postgres-away', error instanceof Error ? error.message : String(error));
    });
    if (found !== undefined && !(found instanceof Outage)) return found;
    const why = found?.message ?? 'another projector is active';
    if (why !== said) o.log.info({ why }, 'standing by');
    said = why;
    onWait(why);
    await o.clock.sleep(againMs, o.signal);
  }
}

async function give(client: Connection, key: string): Promise<void> {
  try {
    await client.query('select pg_advisory_unlock(hashtextextended($1, 0))', [key]);
    client.release();
  } catch {
    // The lock ends with its connection.
    client.release(true);
  }
}
