/**
 * Makes the server hold the streams of the protocol and the buckets beside them, as often as one likes: creates, repairs, leaves alone. Afterwards it
 * reads back field by field what the server really accepted, because a server ignores fields that it does not know.
 * Never weakens a stream that refuses deletes or purges.
 */
import { JetStreamApiError, type StreamConfig, type StreamInfo } from '@nats-io/jetstream';
import { isOutage, newId, retry } from '@waybill/process';
import { streamNames, streams } from '@waybill/protocol';
import { asking, isNameInUse, isStreamNotFound } from './answer.ts';
import { bucketNames, buckets, type LogName } from './bucket.ts';
import type { Connection } from './connection.ts';
import { JournalError } from './journal-error.ts';
import {
  bucketConfig,
  type Desired,
  desiredConfig,
  differences,
  weakened,
} from './stream-config.ts';
import { identityKey } from './stream-info.ts';

export type Provisioned = Readonly<{
  stream: LogName;
  action: 'created' | 'updated' | 'unchanged';
}>;

/** A cluster that has just started elects for some seconds. */
const deadlineMs = 20_000;

export async function provision(
  connection: Connection,
  o: Readonly<{ replicas?: number }> = {},
): Promise<readonly Provisioned[]> {
  const wanted: readonly Wanted[] = [
    ...streamNames.map((name) => ({ name, desired: desiredConfig(streams[name], o.replicas) })),
    ...bucketNames.map((name) => ({ name, desired: bucketConfig(buckets[name], o.replicas) })),
  ];
  const done: Provisioned[] = [];
  for (const each of wanted) {
    const { name } = each;
    const action = await retry(() => provisionOne(connection, each), {
      clock: connection.clock,
      deadlineMs,
      retryable: isOutage,
    });
    if (action !== 'unchanged') connection.log.info({ stream: name, action }, 'stream provisioned');
    done.push({ stream: name, action });
  }
  return done;
}

type Wanted = Readonly<{ name: LogName; desired: Desired }>;

async function provisionOne(
  connection: Connection,
  wanted: Wanted,
): Promise<Provisioned['action']> {
  const { streams: api } = connection.jsm;
  const { name, desired } = wanted;
  const existing = await asking(connection, `the stream ${name}`, () => api.info(name)).catch(
    absentIfNotFound,
  );
  if (existing === undefined) {
    // The whole of `desired`: the server fills in what is missing, and says no to what it does not allow.
    const config = { ...desired, metadata: metadataOf(undefined) } as Partial<StreamConfig> & {
      name: string;
    };
    const created = await accepting(connection, name, () => api.add(config), isNameInUse);
    // Somebody else created it meanwhile: judge what lies there.
    if (created === undefined) return provisionOne(connection, wanted);
    assertAccepted(name, desired, created);
    return 'created';
  }
  const lost = weakened(desired, existing.config);
  if (lost.length > 0) {
    throw new JournalError(
      'would-weaken',
      `the stream ${name} has ${lost.join(' and ')} set, which is never taken back: it is not the stream that Waybill expects`,
    );
  }
  const metadata = metadataOf(existing.config.metadata);
  if (differences({ ...desired, metadata }, existing.config).length === 0) return 'unchanged';
  const config = { ...existing.config, ...desired, metadata };
  const updated = await accepting(connection, name, () => api.update(name, config));
  if (updated !== undefined) assertAccepted(name, desired, updated);
  return 'updated';
}

/** The identity is set once and then kept for ever. */
const metadataOf = (
  held: Readonly<Record<string, string>> | undefined,
): Readonly<Record<string, string>> => ({
  ...held,
  [identityKey]: held?.[identityKey] ?? newId(),
  'waybill.owner': 'waybill',
});

function absentIfNotFound(error: unknown): undefined {
  if (!isStreamNotFound(error)) throw error;
}

/** Undefined for an expected refusal; any other one names the stream. */
async function accepting(
  connection: Connection,
  name: LogName,
  call: () => Promise<StreamInfo>,
  expected: (error: unknown) => boolean = () => false,
): Promise<StreamInfo | undefined> {
  try {
    return await asking(connection, `the stream ${name}`, call);
  } catch (error) {
    if (expected(error)) return undefined;
    const refusal = error instanceof JetStreamApiError ? error : causeOf(error);
    // A refused configuration comes with status 500 too, so the code tells it from a server in trouble.
    if (refusal === undefined || !configCodes.has(refusal.code)) throw error;
    throw new JournalError(
      'not-accepted',
      `the server refuses the stream ${name}: ${refusal.message}`,
      {
        cause: error,
      },
    );
  }
}

const causeOf = (error: unknown): JetStreamApiError | undefined =>
  error instanceof Error && error.cause instanceof JetStreamApiError ? error.cause : undefined;

/** Invalid update, invalid configuration, overlapping subjects, replicas without a cluster, too few peers. */
const configCodes: ReadonlySet<number> = new Set([10_005, 10_025, 10_052, 10_065, 10_074]);

function assertAccepted(name: LogName, desired: Desired, accepted: StreamInfo): void {
  const [first] = differences(desired, accepted.config);
  if (first === undefined) return;
  throw new JournalError(
    'not-accepted',
    `the stream ${name} came back with ${first.field} = ${JSON.stringify(first.got)}, asked for was ${JSON.stringify(first.wanted)}`,
  );
}
