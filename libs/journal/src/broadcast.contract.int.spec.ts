import { eventually } from '@waybill/process/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Heard } from './broadcast.ts';
import { startServer, type TestServer } from './journal.fixture.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server?.stop());

const text = ({ body }: Heard): string => new TextDecoder().decode(body);

describe('messages that nobody keeps', () => {
  it('reach whoever listens, in order, with their headers, and nobody who came later', async () => {
    const other = await server.another();
    const heard: Heard[] = [];
    const late: Heard[] = [];
    const from = server.journal.broadcaster({ onGap: () => undefined });
    const subjects = ['wb.v1.upstream.7e.main.>'];
    const onGap = (): void => undefined;
    const listening = await other.listen({ subjects, onGap, onMessage: (m) => heard.push(m) });
    for (let n = 0; n < 100; n++)
      from.publish({
        subject: `wb.v1.upstream.7e.main.r.${n}`,
        headers: { 'wb-seq': `${n}` },
        body: `é${n}`,
      });
    from.publish({ subject: 'wb.v1.upstream.7e.other.r.x', body: '' });
    await eventually(() => heard.length >= 100);
    expect(heard.map(text)).toEqual(Array.from({ length: 100 }, (_, n) => `é${n}`));
    expect(heard[7]?.header('wb-seq')).toBe('7');
    expect(heard[7]?.subject).toBe('wb.v1.upstream.7e.main.r.7');
    await other.listen({ subjects, onGap, onMessage: (m) => late.push(m) });
    listening.stop();
    from.publish({ subject: 'wb.v1.upstream.7e.main.r.last', body: 'last' });
    await eventually(() => late.length > 0);
    expect(late.map(text)).toEqual(['last']);
    expect(heard).toHaveLength(100);
  });

  it('are missed while the server is away, and both sides are told so once it is back', async () => {
    const gaps = { from: 0, to: 0 };
    const heard: string[] = [];
    const other = await server.another();
    const from = server.journal.broadcaster({ onGap: () => (gaps.from += 1) });
    await other.listen({
      subjects: ['wb.v1.upstream.>'],
      onMessage: (message) => heard.push(text(message)),
      onGap: () => (gaps.to += 1),
    });
    await server.nats.kill();
    await eventually(() => !other.status().connected && !server.journal.status().connected);
    from.publish({ subject: 'wb.v1.upstream.x', body: 'lost' });
    await server.revive();
    await eventually(() => gaps.from === 1 && gaps.to === 1);
    from.publish({ subject: 'wb.v1.upstream.x', body: 'heard' });
    await eventually(() => heard.length > 0);
    expect(heard).toEqual(['heard']);
    from.stop();
  });
});
