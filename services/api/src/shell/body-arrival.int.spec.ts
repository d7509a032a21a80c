import { connect } from 'node:net';
import { eventually } from '@waybill/process/testing';
import { expect, it } from 'vitest';
import { startApi } from './running-api.fixture.ts';

it('a body that does not come within its time is cut, and nobody else waits for it', async () => {
  const api = await startApi({ limits: { bodyMs: 400, sseHeartbeatMs: 600 } });
  try {
    // What takes long to answer, and has no body, is not meant.
    const tail = await api.call('/v1/orgs/main/tail');
    const { hostname, port } = new URL(api.url);
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined);
    socket.write(
      `POST /hooks/main/github HTTP/1.1\r\nhost: ${hostname}\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{`,
    );
    const headers = { 'x-github-event': 'push', 'x-github-delivery': 'd-1' };
    const answer = await api.hook('github', '{}', headers);
    expect(answer.status).toBe(202);
    await eventually(() => socket.closed);
    const reader = tail.body?.getReader();
    expect((await reader?.read())?.done).toBe(false);
    await reader?.cancel();
  } finally {
    await api.stop();
  }
});
