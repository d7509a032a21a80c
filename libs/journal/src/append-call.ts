/** One append under way: what is to be stored, where it must lie, until when to try; and what can come of it. */
import type { MsgHdrs } from '@nats-io/nats-core';
import type { Clock } from '@waybill/process';
import { type Draft, headersOf } from '@waybill/protocol';
import type { RefusalCode } from './answer.ts';
import { idHeader } from './message.ts';
import { outgoingHeaders } from './outgoing-headers.ts';

/** The last sequence over all subjects of `filter`; 0 when none may exist. Different filters do not exclude each other. */
export type Expect = Readonly<{ filter: string; lastSeq: number }>;

export type Appended =
  /** `duplicate`: an earlier try of the same event had been stored already. */
  | Readonly<{ outcome: 'stored'; seq: number; duplicate: boolean }>
  /** Another event lies there: load again and decide again. */
  | Readonly<{ outcome: 'conflict'; lastSeq: number }>
  | Readonly<{ outcome: 'refused'; code: RefusalCode; detail: string }>
  /** Nobody knows whether it is stored or still will be. */
  | Readonly<{ outcome: 'unknown'; cause: unknown }>;

export type AppendOptions = Readonly<{ deadlineMs?: number; signal?: AbortSignal }>;
export type Call = Readonly<{
  draft: Draft;
  id: string;
  expect: Expect | undefined;
  body: Uint8Array;
  headers: MsgHdrs;
  endsAtMs: number;
  signal: AbortSignal | undefined;
}>;

const deadlineMsDefault = 10_000;
const encoder = new TextEncoder();

/** Throws for what is no publication at all: a defect of the caller. */
export function callOf(
  clock: Clock,
  draft: Draft,
  expect: Expect | undefined,
  o: AppendOptions,
): Call {
  if (!/^[^\s*>]+$/.test(draft.subject)) {
    throw new TypeError(`not a subject: ${JSON.stringify(draft.subject)}`);
  }
  const headers: Record<string, string> = { ...headersOf(draft) };
  // As the envelope writes it: an id may come from outside and must not become a header of its own.
  const id = headers['ce-id'] ?? draft.meta.id;
  headers[idHeader] = id;
  if (expect !== undefined) {
    headers['Nats-Expected-Last-Subject-Sequence'] = String(expect.lastSeq);
    headers['Nats-Expected-Last-Subject-Sequence-Subject'] = expect.filter;
  }
  return {
    draft,
    id,
    expect,
    body: typeof draft.body === 'string' ? encoder.encode(draft.body) : draft.body,
    headers: outgoingHeaders(headers),
    endsAtMs: clock.monotonicMs() + (o.deadlineMs ?? deadlineMsDefault),
    signal: o.signal,
  };
}
