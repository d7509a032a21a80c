/** What a nats-server says of itself before anybody signs in: the first line of its protocol. */
import { connect } from 'node:net';
import type { Clock } from '@waybill/process';
import { z } from 'zod';

const Greeting = z.looseObject({
  version: z.string(),
  jetstream: z.boolean().optional(),
  max_payload: z.number(),
});
export type Greeting = z.infer<typeof Greeting>;

const DEFAULT_PORT = 4222;
const withinMs = 3_000;

export async function greetingOf(address: string, clock: Clock): Promise<Greeting> {
  const { hostname, port } = new URL(address.includes('://') ? address : `nats://${address}`);
  const line = Promise.withResolvers<string>();
  const socket = connect({
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? DEFAULT_PORT : Number(port),
  });
  const timer = clock.after(withinMs, () =>
    line.reject(new Error(`no answer within ${withinMs} ms`)),
  );
  let text = '';
  socket.setEncoding('utf8');
  socket.on('data', (piece: string) => {
    text += piece;
    const end = text.indexOf('\r\n');
    if (end >= 0) line.resolve(text.slice(0, end));
  });
  socket.once('error', line.reject);
  socket.once('close', () => line.reject(new Error('the connection was closed without a word')));
  try {
    const said = await line.promise;
    if (!said.startsWith('INFO ')) throw new Error('what listens there is no nats-server');
    return Greeting.parse(JSON.parse(said.slice('INFO '.length)));
  } finally {
    timer.cancel();
    socket.destroy();
  }
}
