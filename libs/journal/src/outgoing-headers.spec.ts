import { MsgHdrsImpl } from '@nats-io/nats-core';
import { describe, expect, it } from 'vitest';
import { outgoingHeaders } from './outgoing-headers.ts';

// The client library asks a header object for its bytes with a method that its types do not name.
const textOf = (headers: object): string => {
  if (!(headers instanceof MsgHdrsImpl)) throw new Error('not what the client takes');
  return new TextDecoder().decode(headers.encode());
};

describe('the headers of an append', () => {
  it('are written as NATS reads them', () => {
    expect(textOf(outgoingHeaders({ 'ce-id': 'a', 'wb-run': 'b c' }))).toBe(
      'NATS/1.0\r\nce-id: a\r\nwb-run: b c\r\n\r\n',
    );
  });

  it('let no value become a header of its own', () => {
    expect(() => outgoingHeaders({ 'ce-id': 'a\r\nNats-Rollup: all' })).toThrow('line break');
    expect(() => outgoingHeaders({ 'ce-id: x\nb': 'a' })).toThrow('line break');
  });
});
