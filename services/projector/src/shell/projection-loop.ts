/**
 * Follows one stream from its checkpoint and hands batches of at most 500 to its projection; a batch is acknowledged when it is
 * committed. A database or log that is away is waited for; anything else stops the loop and is named.
 */
import type { Journal, Reader } from '@waybill/journal';
import { type Logger, Outage } from '@waybill/process';
import { type StoredMessage, streams } from '@waybill/protocol';
import { checkpoints, isDatabaseOutage, type ReadModel } from '@waybill/readmodel';
import { applyBatch } from './batch.ts';
import type { DeadLetters } from './dead-letter.ts';
import type { Projection } from './projection.ts';

export type ProjectionLoop = Readonly<{
  stream: string;
  seq(): number;
  lag(): number;
  /** Resolves when what existed at the start is in the tables. */
  caughtUp: Promise<void>;
  /** Why the current batch has to be tried again; undefined while all is well. */
  trouble(): string | undefined;
  stop(): Promise<void>;
}>;

export type ProjectionLoopOptions = Readonly<{
  model: ReadModel;
  journal: Pick<Journal, 'consume' | 'info'>;
  projection: Projection;
  deadLetters: DeadLetters;
  log: Logger;
  batchMax?: number;
  /** The database is back: a batch may have been committed though its answer was lost. */
  onRecovered?: () => void;
  /** The loop has ended for good: a log that is another one, an event of a newer build, a defect. */
  onFailure: (error: Error) => void;
}>;

const batchMaxDefault = 500;
/** A row may come this much later, so that the events of one moment cost one transaction: a quarter less CPU at 50 jobs/s. */
const lingerMs = 20;

export async function openProjectionLoop(o: ProjectionLoopOptions): Promise<ProjectionLoop> {
  const { model, journal, projection, deadLetters, log } = o;
  const { stream } = projection;
  const opened = Promise.withResolvers<Reader>();
  const { identity } = await journal.info(stream);
  const from = (await checkpoints(model.db)).find((each) => each.stream === stream && each.seq > 0);
  const target = { model, projection, identity, deadLetters };
  let readUpTo = from?.seq ?? 0;
  let trouble: string | undefined;
  let failed = false;

  const end = async (): Promise<void> => (await opened.promise).stop();
  const fail = (error: Error): void => {
    if (failed) return;
    failed = true;
    // Ends the journal's own retries of the batch; not awaited, because this may be inside its handler.
    void end();
    o.onFailure(error);
  };
  const onBatch = async (messages: readonly StoredMessage[]): Promise<void> => {
    try {
      await applyBatch(target, messages, readUpTo);
      if (trouble !== undefined) o.onRecovered?.();
      readUpTo = messages.at(-1)?.seq ?? readUpTo;
      trouble = undefined;
      const toSeq = readUpTo;
      log.debug({ stream, count: messages.length, toSeq }, 'projected');
    } catch (error) {
      if (isDatabaseOutage(error)) {
        trouble = `${stream} waits: ${error instanceof Error ? error.message : String(error)}`;
        throw new Outage('batch-waits', trouble, { cause: error });
      }
      fail(error instanceof Error ? error : new Error(String(error)));
      throw error;
    }
  };

  const reader = await journal.consume({
    stream,
    durable: `projector-${stream.toLowerCase()}`,
    filters: streams[stream].subjects,
    from: from === undefined ? undefined : { identity: from.identity, seq: from.seq, id: from.id },
    batchMax: o.batchMax ?? batchMaxDefault,
    lingerMs,
    onBatch,
    onFailure: fail,
  });
  opened.resolve(reader);
  return {
    stream,
    seq: reader.seq,
    lag: reader.lag,
    caughtUp: reader.caughtUp,
    trouble: () => trouble,
    stop: reader.stop,
  };
}
