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
import { backoffMs, Outage } from '@waybill/process';
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
const readersMax = 16;
/** The durable of a second reader goes when that reader is gone. */
const secondUnusedMs = 600_000;

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

/** The durable of that name; with a number behind it while another reader uses that one: two in one skip messages. */
async function attach(
  connection: Connection,
  o: ConsumeOptions,
  nextSeq: number,
): Promise<Attachment> {
  for (let place = 1; place <= readersMax; place++) {
    const name = place === 1 ? o.durable : `${o.durable}-${place}`;
    const found = await infoOf(connection, o.stream, name);
    if (found !== undefined && found.num_waiting > 0) continue;
    if (place > 1) {
      const { stream } = o;
      connection.log.warn({ stream, durable: o.durable, name }, 'another reader uses the durable');
    }
    return attachTo(connection, o, { name, found, nextSeq });
  }
  throw new Outage('consumer-taken', `${readersMax} readers use the durable ${o.durable} already`);
}

async function infoOf(
  connection: Connection,
  stream: StreamName,
  name: string,
): Promise<ConsumerInfo | undefined> {
  const { consumers } = connection.jsm;
  return asking(connection, `the consumer ${name}`, () => consumers.info(stream, name)).catch(
    (error: unknown) => {
      if (!isConsumerNotFound(error)) throw error;
      return undefined;
    },
  );
}

type Place = Readonly<{ name: string; found: ConsumerInfo | undefined; nextSeq: number }>;

async function attachTo(
  connection: Connection,
  o: ConsumeOptions,
  { name, found, nextSeq }: Place,
): Promise<Attachment> {
  const { consumers } = connection.jsm;
  const what = `the consumer ${name} of ${o.stream}`;
  const usable = found !== undefined && isAsWanted(found, o) ? found : undefined;
  if (found !== undefined && usable === undefined) {
    connection.log.info({ name, stream: o.stream }, 'the consumer is made anew with other filters');
    await asking(connection, what, () => consumers.delete(o.stream, name));
  }
  const config = configOf(o, name);
  const held = usable ?? (await asking(connection, what, () => consumers.add(o.stream, config)));
  const standsRight =
    held.ack_floor.stream_seq === nextSeq - 1 &&
    held.delivered.stream_seq === nextSeq - 1 &&
    held.num_ack_pending === 0;
  if (standsRight) return attachmentTo(held);
  const reset = await asking(connection, what, () => consumers.reset(o.stream, name, nextSeq));
  // Requests of a reader that took the same place at the same time are served before ours.
  if (reset.delivered.consumer_seq === 0) return attachmentTo(reset);
  throw new Outage('consumer-taken', `another reader has just taken ${what}`);
}

const attachmentTo = (info: ConsumerInfo): Attachment => ({
  consumer: info.name,
  deliverySeq: info.delivered.consumer_seq,
  pending: info.num_pending,
});

const configOf = (o: ConsumeOptions, name: string): Partial<ConsumerConfig> => ({
  durable_name: name,
  ack_policy: AckPolicy.All,
  ack_wait: ackWaitMs * 1_000_000,
  deliver_policy: DeliverPolicy.All,
  max_ack_pending: ackPendingMax,
  max_deliver: -1,
  ...(name === o.durable ? {} : { inactive_threshold: secondUnusedMs * 1_000_000 }),
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
