/** Events that a running step emits, and the receipt for them. */
import type { z } from 'zod';
import { freeRecord, id, jobId, name, names, requestId, text } from './field.ts';
import type { Immutable } from './immutable.ts';
import { wireLimits } from './limits.ts';
import { message, part } from './message.ts';

export const EventTarget = part('EventTarget', 'Who an emitted event is for.', {
  repos: names().optional().describe('Only these repositories.'),
});
export type EventTarget = Immutable<z.infer<typeof EventTarget>>;

export const EventEmit = message(
  'event.emit',
  'A step emits an event. The agent waits 5 s, then goes on as if it had a receipt.',
  {
    jobId,
    requestId: id(wireLimits.messageIdCharsMax).describe('Ties the receipt to this event.'),
    eventName: name().min(1).describe('Name of the event.'),
    payload: freeRecord().describe('What the event carries.'),
    target: EventTarget.optional().describe('Who it is for; everybody when absent.'),
  },
);
export type EventEmit = Immutable<z.infer<typeof EventEmit>>;

export const EventEmitResponse = message(
  'event.emit.response',
  'The event is stored, or why it is not.',
  {
    requestId: requestId('the event’s `requestId`'),
    deliveryId: id().optional().describe('Names the stored event.'),
    error: text().optional().describe('Why it was refused, for people.'),
  },
  [
    {
      id: 'emit-receipt-excludes-error',
      statement: '`error` must be absent when `deliveryId` is present',
      when: [{ has: ['deliveryId'] }],
      then: [{ lacks: ['error'] }],
      issueAt: ['error'],
    },
    {
      id: 'emit-needs-receipt-or-error',
      statement: '`error` must be present when `deliveryId` is absent',
      when: [{ lacks: ['deliveryId'] }],
      then: [{ has: ['error'] }],
      issueAt: ['error'],
    },
  ],
);
export type EventEmitResponse = Immutable<z.infer<typeof EventEmitResponse>>;
