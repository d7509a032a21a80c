/**
 * Batches for a projection: a durable consumer whose progress operations can see, acknowledged once a batch and only after
 * the batch was handled. The truth about the progress is the caller's own checkpoint: the durable is moved to it, never
 * the other way round.
 */
import {
  AckPolicy,
  type ConsumerConfig,
  type ConsumerInfo,
  DeliverPolicy,
} from '@nats-io/jetstream';
import { backoffMs } from '@waybill/process';
import type { StoredMessage, StreamName } from '@waybill/protocol';
import { asking, isConsumerNotFound } from './answer.ts';
import type { Attachment } from './attachments.ts';
import type { Connection } from './connection.ts';
import { openFeed, type Reader } from './feed.ts';
import type { Lookup } from './lookup.ts';
import { filterOf } from './ordered-consumer.ts';
import type { Position } from './position.ts';

export const batchMaxMax = 500;

export type ConsumeOptions = Readonly<{
  stream: StreamName;
  durable: string;
  filters: readonly string[];
  /** What the caller has handled for good; the first message comes next when undefined. */
  from: Position | undefined;
  /** At most 500. */
  batchMax: number;
  /** How long the first message of a batch may wait for others. */
  lingerMs?: number;
  /** Rejected: the same batch again after a while, for as long as it takes. */
  onBatch: (messages: readonly StoredMessage[]) => Promise<void>;
  onFailure: (error: Error) => void;
}>;

const backoff = { baseMs: 100, capMs: 5_000, random: Math.random };
/** Long, because an unacknowledged message is asked for by moving the consumer and not by waiting. */
const ackWaitMs = 300_000;
/** More than a feed holds at a time, or the server would stop delivering. */
const ackPendingMax = 4 * batchMaxMax;

export function consume(
  connection: Connection,
  lookup: Lookup,
  o: ConsumeOptions,
): Promise<Reader> {
  if (!(o.batchMax >= 1 && o.batchMax <= batchMaxMax)) {
    return Promise.reject(
      new RangeError(`batchMax must be 1 to ${batchMaxMax}, got ${o.batchMax}`),
    );
  }
  return openFeed({
    connection,
    lookup,
    stream: o.stream,
    from: o.from,
    attach: (nextSeq) => attach(connection, o, nextSeq),
    batchMax: o.batchMax,
    lingerMs: o.lingerMs,
    durable: true,
    handle: (messages, signal) => insist(connection, o, messages, signal),
    onFailure: o.onFailure,
  });
}

async function insist(
  connection: Connection,
  o: ConsumeOptions,
  messages: readonly StoredMessage[],
  signal: AbortSignal,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await o.onBatch(messages);
    } catch (error) {
      signal.throwIfAborted();
      const range = { fromSeq: messages[0]?.seq, toSeq: messages.at(-1)?.seq };
      connection.log.warn(
        { err: error, durable: o.durable, attempt, ...range },
        'a batch failed, trying it again',
      );
      await connection.clock.sleep(backoffMs(attempt, backoff), signal);
    }
  }
}

async function attach(
  connection: Connection,
  o: ConsumeOptions,
  nextSeq: number,
): Promise<Attachment> {
  const { consumers } = connection.jsm;
  const what = `the consumer ${o.durable} of ${o.stream}`;
  const found = await asking(connection, what, () => consumers.info(o.stream, o.durable)).catch(
    (error: unknown) => {
      if (!isConsumerNotFound(error)) throw error;
      return undefined;
    },
  );
  if (found !== undefined && !isAsWanted(found, o)) {
    connection.log.info(
      { durable: o.durable, stream: o.stream },
      'the consumer is made anew with other filters',
    );
    await asking(connection, what, () => consumers.delete(o.stream, o.durable));
  }
  const held =
    found !== undefined && isAsWanted(found, o)
      ? found
      : await asking(connection, what, () => consumers.add(o.stream, configOf(o)));
  const standsRight =
    held.ack_floor.stream_seq === nextSeq - 1 &&
    held.delivered.stream_seq === nextSeq - 1 &&
    held.num_ack_pending === 0;
  const info = standsRight
    ? held
    : await asking(connection, what, () => consumers.reset(o.stream, o.durable, nextSeq));
  return {
    consumer: o.durable,
    deliverySeq: info.delivered.consumer_seq,
    pending: info.num_pending,
  };
}

const configOf = (o: ConsumeOptions): Partial<ConsumerConfig> => ({
  durable_name: o.durable,
  ack_policy: AckPolicy.All,
  ack_wait: ackWaitMs * 1_000_000,
  deliver_policy: DeliverPolicy.All,
  max_ack_pending: ackPendingMax,
  max_deliver: -1,
  ...filterOf(o.filters),
});

function isAsWanted(info: ConsumerInfo, o: ConsumeOptions): boolean {
  const { config } = info;
  const filters = config.filter_subjects ?? (config.filter_subject ? [config.filter_subject] : []);
  return (
    config.ack_policy === AckPolicy.All &&
    config.deliver_policy === DeliverPolicy.All &&
    config.max_ack_pending === ackPendingMax &&
    config.ack_wait === ackWaitMs * 1_000_000 &&
    [...filters].sort().join(' ') === [...o.filters].sort().join(' ')
  );
}
