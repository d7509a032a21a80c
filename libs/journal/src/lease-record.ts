/** What lies in the bucket of leases under one name: who holds it and since when, or the mark that nobody does. */
import type { Stored } from './bucket.ts';

export type LeaseHolding = Readonly<{
  /** Shown to people; two may call themselves the same. */
  holder: string;
  /** Of one candidate: tells one's own record from that of a namesake. */
  id: string;
  /** The sequence of the append that took it: the same through all renewals, greater for every next holder. */
  epoch: number;
  /** Counts the appends of one candidate. */
  serial: number;
  ttlMs: number;
}>;

export type LeaseRecord = Readonly<{
  name: string;
  /** 0 when nothing lies there any more. */
  seq: number;
  held: LeaseHolding | undefined;
}>;

const prefix = '$KV.WB_LEASES.';
const nameForm = /^[A-Za-z0-9_-]{1,64}(?:\.[A-Za-z0-9_-]{1,64}){0,7}$/;

/** Throws for what is no name: a defect of the caller. */
export function leaseSubject(name: string): string {
  if (!nameForm.test(name)) throw new TypeError(`not the name of a lease: ${JSON.stringify(name)}`);
  return prefix + name;
}

/** The epoch of a lease that is being taken is the sequence that the server gives it. */
export const leaseBody = (held: Omit<LeaseHolding, 'epoch'> & { epoch?: number }): string =>
  JSON.stringify(held);

/** Total: an operator may have put something else there, which is somebody's until it is taken away. */
export function leaseRecordOf(message: Stored<'KV_WB_LEASES'>): LeaseRecord {
  const { seq } = message;
  const name = message.subject.slice(prefix.length);
  const isMark =
    message.header('KV-Operation') !== undefined ||
    message.header('Nats-Marker-Reason') !== undefined;
  return { name, seq, held: isMark ? undefined : holdingOf(message.body, seq) };
}

function holdingOf(body: Uint8Array, seq: number): LeaseHolding {
  const read = new Map<string, unknown>(Object.entries(objectOf(body)));
  const text = (field: string, otherwise: string): string => {
    const value = read.get(field);
    return typeof value === 'string' ? value : otherwise;
  };
  const count = (field: string, otherwise: number): number => {
    const value = read.get(field);
    return typeof value === 'number' && Number.isFinite(value) ? value : otherwise;
  };
  return {
    holder: text('holder', 'unknown'),
    id: text('id', ''),
    epoch: count('epoch', seq),
    serial: count('serial', 0),
    ttlMs: count('ttlMs', unknownTtlMs),
  };
}

/** The server counts in whole seconds. */
export const serverTtlMs = (ttlMs: number): number => Math.ceil(ttlMs / 1_000) * 1_000;

const unknownTtlMs = 60_000;

function objectOf(body: Uint8Array): object {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(body));
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
