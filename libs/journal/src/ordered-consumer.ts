/**
 * A consumer of the server for one reader alone: without acknowledgements, in memory, gone by itself when nobody pulls.
 * Losing it costs nothing, for the reader knows where it stands.
 */
import { AckPolicy, type ConsumerConfig, DeliverPolicy } from '@nats-io/jetstream';
import { newId } from '@waybill/process';
import { asking } from './answer.ts';
import type { Attachment } from './attachments.ts';
import type { LogName } from './bucket.ts';
import type { Connection } from './connection.ts';

const unusedMs = 30_000;

export type OrderedOptions = Readonly<{
  stream: LogName;
  filters: readonly string[];
  headersOnly?: boolean | undefined;
}>;

export async function createOrdered(
  connection: Connection,
  o: OrderedOptions,
  nextSeq: number,
): Promise<Attachment> {
  const name = `${connection.name.replaceAll(/[^A-Za-z0-9_-]/g, '_')}_${newId()}`;
  const config: Partial<ConsumerConfig> = {
    name,
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: nextSeq,
    ...filterOf(o.filters),
    ...(o.headersOnly === true ? { headers_only: true } : {}),
    mem_storage: true,
    num_replicas: 1,
    inactive_threshold: unusedMs * 1_000_000,
  };
  const info = await asking(connection, `a reader of ${o.stream}`, () =>
    connection.jsm.consumers.add(o.stream, config),
  );
  return { consumer: name, deliverySeq: info.delivered.consumer_seq, pending: info.num_pending };
}

/** Best effort: the server removes an unused one anyway. */
export function dropOrdered(connection: Connection, stream: LogName, consumer: string): void {
  if (connection.connected())
    connection.jsm.consumers.delete(stream, consumer).catch(() => undefined);
}

/** One filter stands in the subject of the request, where permissions can name it. */
export function filterOf(
  filters: readonly string[],
): Readonly<{ filter_subject?: string; filter_subjects?: string[] }> {
  const [first] = filters;
  if (first === undefined) return {};
  return filters.length === 1 ? { filter_subject: first } : { filter_subjects: [...filters] };
}
