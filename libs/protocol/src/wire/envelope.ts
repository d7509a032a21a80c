/** Frames that carry no work: liveness, receipts and complaints. The first four go both ways. */
import type { z } from 'zod';
import { observed } from './annotation.ts';
import { messageId, quantity, shortText, text, timestamp } from './field.ts';
import type { Immutable } from './immutable.ts';
import { message } from './message.ts';

export const Heartbeat = message(
  'heartbeat',
  'The connection is alive. Agents send one every 30 s.',
  {
    timestamp,
  },
);
export type Heartbeat = Immutable<z.infer<typeof Heartbeat>>;

export const Ack = message('ack', 'The named message was received.', {
  messageId: messageId.describe('The message that was received.'),
});
export type Ack = Immutable<z.infer<typeof Ack>>;

export const Nack = message('nack', 'The named message was refused.', {
  messageId: messageId.describe('The message that was refused.'),
  reason: text().describe('Why, for people.'),
});
export type Nack = Immutable<z.infer<typeof Nack>>;

export const ErrorFrame = message(
  'error',
  'The last frame could not be used. Closing the socket may follow.',
  {
    code: shortText().describe('What kind of error, for programs.'),
    message: text().describe('What happened, for people. Never repeats what was sent.'),
  },
);
export type ErrorFrame = Immutable<z.infer<typeof ErrorFrame>>;

export const RateLimitWarning = observed(
  message(
    'rate.limit.warning',
    'The agent sends faster than it may. Waybill slows reading instead.',
    {
      retryAfterMs: quantity().describe('How long to wait before sending more, in milliseconds.'),
    },
  ),
);
export type RateLimitWarning = Immutable<z.infer<typeof RateLimitWarning>>;
