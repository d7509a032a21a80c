/** Drafts as the log would give them back, and messages that somebody put there by hand. */
import type { Draft, StoredMessage } from './envelope.ts';
import { headersOf } from './envelope.ts';

const encoder = new TextEncoder();

export type ByHand = Readonly<{
  subject: string;
  headers?: Readonly<Record<string, string>>;
  body?: string | Uint8Array;
  stream?: StoredMessage['stream'];
  seq?: number;
  at?: number;
}>;

export function stored(message: ByHand): StoredMessage {
  const { headers = {}, body = '{}' } = message;
  return {
    stream: message.stream ?? 'WB_RUNS',
    seq: message.seq ?? 1,
    at: message.at ?? 1_700_000_000_000,
    subject: message.subject,
    header: (name) => (Object.hasOwn(headers, name) ? headers[name] : undefined),
    body: typeof body === 'string' ? encoder.encode(body) : body,
  };
}

export const storedDraft = (draft: Draft, seq = 1, at = 1_700_000_000_000): StoredMessage =>
  stored({ ...draft, headers: headersOf(draft), seq, at });
