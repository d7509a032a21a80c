import { describe, expect, it } from 'vitest';
import { type ServerSentEvent, serverSentEvents } from './server-sent-event.ts';

async function read(...pieces: readonly string[]): Promise<readonly ServerSentEvent[]> {
  async function* bytes(): AsyncGenerator<Uint8Array> {
    for (const piece of pieces) yield Buffer.from(piece, 'latin1');
  }
  const events: ServerSentEvent[] = [];
  for await (const event of serverSentEvents(bytes())) events.push(event);
  return events;
}

describe('server-sent events', () => {
  it('have an id, a type and data; comments are none', async () => {
    expect(await read(': open\n\nid: 7\nevent: end\ndata: {"a":1}\n\n')).toEqual([
      { id: '7', event: 'end', data: '{"a":1}' },
    ]);
  });

  it('keep the last id, and join lines of data', async () => {
    expect(await read('id: 1\ndata: a\n\ndata: b\ndata:c\n\n')).toEqual([
      { id: '1', event: 'message', data: 'a' },
      { id: '1', event: 'message', data: 'b\nc' },
    ]);
  });

  it('come whole, wherever the bytes are cut', async () => {
    const text = Buffer.from('id: 1\r\ndata: grün\r\n\r\nid: 2\rdata: x\r\rdata: half').toString(
      'latin1',
    );
    const whole = await read(text);
    expect(whole.map(({ data }) => data)).toEqual(['grün', 'x']);
    expect(await read(...text.split(''))).toEqual(whole);
  });
});
