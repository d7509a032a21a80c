/**
 * Makes the server hold the streams of the protocol, as often as one likes: creates, repairs, leaves alone. Afterwards it
 * reads back field by field what the server really accepted, because a server ignores fields that it does not know.
 * Never weakens a stream that refuses deletes or purges.
 */
import { JetStreamApiError, type StreamConfig, type StreamInfo } from '@nats-io/jetstream';
import { isOutage, newId, retry } from '@waybill/process';
import { type StreamName, type StreamSpec, streamNames, streams } from '@waybill/protocol';
import { asking, isNameInUse, isStreamNotFound } from './answer.ts';
import type { Connection } from './connection.ts';
import { JournalError } from './journal-error.ts';
import { type Desired, desiredConfig, differences, weakened } from './stream-config.ts';
import { identityKey } from './stream-info.ts';

export type Provisioned = Readonly<{
  stream: StreamName;
  action: 'created' | 'updated' | 'unchanged';
}>;

/** A cluster that has just started elects for some seconds. */
const deadlineMs = 20_000;

export async function provision(
  connection: Connection,
  o: Readonly<{ replicas?: number }> = {},
): Promise<readonly Provisioned[]> {
  const done: Provisioned[] = [];
  for (const name of streamNames) {
    const action = await retry(() => provisionOne(connection, streams[name], o.replicas), {
      clock: connection.clock,
      deadlineMs,
      retryable: isOutage,
    });
    if (action !== 'unchanged') connection.log.info({ stream: name, action }, 'stream provisioned');
    done.push({ stream: name, action });
  }
  return done;
}

async function provisionOne(
  connection: Connection,
  spec: StreamSpec,
  replicas: number | undefined,
): Promise<Provisioned['action']> {
  const { streams: api } = connection.jsm;
  const desired = desiredConfig(spec, replicas);
  const existing = await asking(connection, `the stream ${spec.name}`, () =>
    api.info(spec.name),
  ).catch(absentIfNotFound);
  if (existing === undefined) {
    // The whole of `desired`: the server fills in what is missing, and says no to what it does not allow.
    const config = { ...desired, metadata: metadataOf(undefined) } as Partial<StreamConfig> & {
      name: string;
    };
    const created = await accepting(connection, spec, () => api.add(config), isNameInUse);
    // Somebody else created it meanwhile: judge what lies there.
    if (created === undefined) return provisionOne(connection, spec, replicas);
    assertAccepted(spec, desired, created);
    return 'created';
  }
  const lost = weakened(desired, existing.config);
  if (lost.length > 0) {
    throw new JournalError(
      'would-weaken',
      `the stream ${spec.name} has ${lost.join(' and ')} set, which is never taken back: it is not the stream that Waybill expects`,
    );
  }
  const metadata = metadataOf(existing.config.metadata);
  if (differences({ ...desired, metadata }, existing.config).length === 0) return 'unchanged';
  const config = { ...existing.config, ...desired, metadata };
  const updated = await accepting(connection, spec, () => api.update(spec.name, config));
  if (updated !== undefined) assertAccepted(spec, desired, updated);
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
  spec: StreamSpec,
  call: () => Promise<StreamInfo>,
  expected: (error: unknown) => boolean = () => false,
): Promise<StreamInfo | undefined> {
  try {
    return await asking(connection, `the stream ${spec.name}`, call);
  } catch (error) {
    if (expected(error)) return undefined;
    const refusal = error instanceof JetStreamApiError ? error : causeOf(error);
    // A refused configuration comes with status 500 too, so the code tells it from a server in trouble.
    if (refusal === undefined || !configCodes.has(refusal.code)) throw error;
    throw new JournalError(
      'not-accepted',
      `the server refuses the stream ${spec.name}: ${refusal.message}`,
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

function assertAccepted(spec: StreamSpec, desired: Desired, accepted: StreamInfo): void {
  const [first] = differences(desired, accepted.config);
  if (first === undefined) return;
  throw new JournalError(
    'not-accepted',
    `the stream ${spec.name} came back with ${first.field} = ${JSON.stringify(first.got)}, asked for was ${JSON.stringify(first.wanted)}`,
  );
}
