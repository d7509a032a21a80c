/** What operations do to a stream with NATS' own tools, over its text protocol: the journal has no way to change one. */
import { connect } from 'node:net';
import type { RunningApi } from './running-api.fixture.ts';

/** Sets `max_bytes` of a stream and leaves the rest of its configuration as it is. */
export async function limitStream(
  api: RunningApi,
  stream: string,
  maxBytes: number,
): Promise<void> {
  const info = await ask(api, `$JS.API.STREAM.INFO.${stream}`, {});
  const { config } = info as Readonly<{ config: object }>; // every answer about a stream has its configuration
  const answer = await ask(api, `$JS.API.STREAM.UPDATE.${stream}`, {
    ...config,
    max_bytes: maxBytes,
  });
  if ('error' in answer) throw new Error(JSON.stringify(answer.error));
}

/** Forgets what lies on a subject, as a stream forgets what is too old for it. */
export async function forget(api: RunningApi, stream: string, subject: string): Promise<void> {
  const answer = await ask(api, `$JS.API.STREAM.PURGE.${stream}`, { filter: subject });
  if ('error' in answer) throw new Error(JSON.stringify(answer.error));
}

function ask(api: RunningApi, subject: string, question: object): Promise<object> {
  const { url, user, password } = api.servers.nats;
  const { hostname, port } = new URL(url);
  const { promise, resolve, reject } = Promise.withResolvers<object>();
  const socket = connect(Number(port), hostname);
  const body = JSON.stringify(question);
  let heard = '';
  socket.on('error', reject);
  socket.on('data', (chunk) => {
    heard += chunk.toString('utf8');
    const [, size, after = ''] = /^MSG answer 1 (\d+)\r\n([\s\S]*)$/m.exec(heard) ?? [];
    if (size === undefined || Buffer.byteLength(after) < Number(size)) return;
    resolve(Object(JSON.parse(after.slice(0, Number(size)))) as object);
    socket.destroy();
  });
  socket.write(`CONNECT ${JSON.stringify({ verbose: false, user, pass: password })}\r\n`);
  socket.write(`SUB answer 1\r\nPUB ${subject} answer ${Buffer.byteLength(body)}\r\n${body}\r\n`);
  return promise;
}
