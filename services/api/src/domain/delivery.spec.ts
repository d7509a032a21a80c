import { describe, expect, it } from 'vitest';
import { deliveryOf, hookSource, keptOf } from './delivery.ts';
import { limits } from './limits.ts';

const read = (name: string, headers: Readonly<Record<string, string>>) => {
  const source = hookSource(name);
  if (source === undefined) throw new Error('no such source');
  return deliveryOf(source, (header) => headers[header], limits);
};

describe('a delivery', () => {
  it('of GitHub has its event and its id, and needs both', () => {
    expect(read('github', { 'x-github-event': 'push', 'x-github-delivery': 'd' })).toEqual({
      event: 'push',
      deliveryId: 'd',
    });
    expect(read('github', { 'x-github-delivery': 'd' })).toMatchObject({
      code: 'header-invalid',
      detail: 'The header x-github-event is missing.',
    });
    expect(read('github', { 'x-github-event': 'push' })).toMatchObject({
      detail: 'The header x-github-delivery is missing.',
    });
  });

  it('of the generic source needs neither', () => {
    expect(read('hmac', {})).toEqual({ event: 'event', deliveryId: undefined });
    expect(read('hmac', { 'x-waybill-delivery': 'a', 'idempotency-key': 'b' })).toEqual({
      event: 'event',
      deliveryId: 'a',
    });
    expect(read('hmac', { 'idempotency-key': 'b' })).toEqual({ event: 'event', deliveryId: 'b' });
  });

  it('has names that fit: to the limit, printable, not empty', () => {
    expect(read('hmac', { 'x-waybill-event': 'e'.repeat(limits.eventChars) })).toMatchObject({
      deliveryId: undefined,
    });
    for (const event of ['e'.repeat(limits.eventChars + 1), '', ' ', 'a\u0007', 'ä'])
      expect(read('hmac', { 'x-waybill-event': event }), event).toMatchObject({
        code: 'header-invalid',
      });
    for (const id of ['d'.repeat(limits.deliveryIdChars + 1), '', 'a\tb'])
      expect(read('hmac', { 'x-waybill-delivery': id }), id).toMatchObject({
        code: 'header-invalid',
      });
  });

  it('comes from a source that is known', () => {
    for (const name of ['api', 'GitHub', 'constructor', '__proto__', ''])
      expect(hookSource(name)).toBeUndefined();
  });
});

it('only listed headers are kept, and not at any length', () => {
  const headers: Readonly<Record<string, string>> = {
    'user-agent': 'u'.repeat(1_000),
    authorization: 'secret',
    'x-hub-signature-256': 's',
    'x-github-hook-id': '7',
    cookie: 'c',
  };
  const kept = keptOf((name) => headers[name]);
  expect(Object.keys(kept)).toEqual(['user-agent', 'x-github-hook-id']);
  expect(kept['user-agent']).toHaveLength(256);
});
