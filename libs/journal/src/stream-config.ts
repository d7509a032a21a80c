/**
 * A stream or a bucket as data to the configuration that the server must hold, and what differs between the two. Pure. Fields that
 * neither the log's guarantees nor the stream's data need (compression, placement, a size limit set by operations) are
 * left as they are.
 */
import type { StreamConfig } from '@nats-io/jetstream';
import type { StreamSpec } from '@waybill/protocol';
import { type BucketSpec, markerMs } from './bucket.ts';

export type Desired = Readonly<Record<string, unknown>>;
export type Difference = Readonly<{ field: string; wanted: unknown; got: unknown }>;

const nanos = (ms: number): number => ms * 1_000_000;

export function desiredConfig(spec: StreamSpec, replicas: number | undefined): Desired {
  const record = spec.keeps === 'all';
  return {
    ...base(spec, replicas),
    discard: record ? 'new' : 'old',
    deny_delete: record,
    deny_purge: record,
    max_age: nanos(spec.maxAgeMs ?? 0),
    max_msgs_per_subject: -1,
    ...(spec.maxBytes === undefined ? {} : { max_bytes: spec.maxBytes }),
    republish: spec.republish,
    // Each of these would let a publisher wipe messages of a record stream or forge others.
    allow_rollup_hdrs: false,
    allow_msg_ttl: false,
  };
}

/** As the client libraries lay a bucket out, so that NATS's own tools can show what is in it. */
export function bucketConfig(spec: BucketSpec, replicas: number | undefined): Desired {
  const last = spec.holds === 'last-per-subject';
  return {
    ...base(spec, replicas),
    discard: 'new',
    deny_delete: last,
    deny_purge: false,
    max_age: 0,
    max_msgs_per_subject: last ? 1 : -1,
    republish: undefined,
    allow_rollup_hdrs: true,
    allow_msg_ttl: last,
    subject_delete_marker_ttl: last ? nanos(markerMs) : 0,
  };
}

const base = (spec: StreamSpec | BucketSpec, replicas: number | undefined): Desired => ({
  name: spec.name,
  description: spec.description,
  subjects: spec.subjects,
  retention: 'limits',
  storage: 'file',
  max_msgs: -1,
  max_msg_size: -1,
  ...(replicas === undefined ? {} : { num_replicas: replicas }),
  duplicate_window: nanos(spec.duplicateWindowMs),
  allow_direct: true,
  no_ack: false,
  sealed: false,
  allow_msg_schedules: false,
  allow_msg_counter: false,
});

/** Empty when the server holds what is wanted. */
export function differences(
  desired: Desired,
  actual: Partial<StreamConfig>,
): readonly Difference[] {
  const held: Readonly<Record<string, unknown>> = actual;
  return Object.entries(desired)
    .filter(([field, wanted]) => !isEqual(wanted, held[field]))
    .map(([field, wanted]) => ({ field, wanted, got: held[field] }));
}

/** What an update would take away from a stream that refuses deletes or purges. */
export function weakened(desired: Desired, actual: Partial<StreamConfig>): readonly string[] {
  const held: Readonly<Record<string, unknown>> = actual;
  return ['deny_delete', 'deny_purge', 'sealed'].filter(
    (field) => held[field] === true && desired[field] !== true,
  );
}

/** The server leaves out what is off, empty or zero, and adds members of its own to objects. */
function isEqual(wanted: unknown, got: unknown): boolean {
  if (wanted === undefined || wanted === false)
    return got === undefined || got === null || got === false;
  if (wanted === 0) return got === undefined || got === 0;
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(got) &&
      wanted.length === got.length &&
      wanted.every((item, i) => isEqual(item, got[i]))
    );
  }
  if (typeof wanted === 'object' && wanted !== null) {
    if (typeof got !== 'object' || got === null) return false;
    const held = new Map<string, unknown>(Object.entries(got));
    return Object.entries(wanted).every(([key, value]) => isEqual(value, held.get(key)));
  }
  return wanted === got;
}
