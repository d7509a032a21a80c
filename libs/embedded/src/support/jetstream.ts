/**
 * Just enough of the NATS protocol for the specs to ask a server one thing. They test processes and data,
 * so a client that reconnects by itself would only hide what they look for.
 */
import { connect } from 'node:net';

export type NatsAddress = Readonly<{
  url: string;
  user?: string | undefined;
  password?: string | undefined;
}>;

/** One request and its answer. */
export function request(at: NatsAddress, subject: string, body: string): Promise<string> {
  const { port, hostname } = new URL(at.url);
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(10_000);
    const socket = connect({ port: Number(port), host: hostname, signal });
    const options = { user: at.user, pass: at.password, verbose: false, pedantic: false };
    let heard = '';
    socket.setEncoding('utf8');
    socket.write(
      `CONNECT ${JSON.stringify(options)}\r\nSUB answer 1\r\nPUB ${subject} answer ${Buffer.byteLength(body)}\r\n${body}\r\n`,
    );
    socket.on('data', (text: string) => {
      heard += text;
      const answer = /^MSG answer 1 \d+\r\n(.*)\r\n/m.exec(heard)?.[1];
      const refusal = /^-ERR (.*)$/m.exec(heard)?.[1];
      if (answer === undefined && refusal === undefined) return;
      socket.destroy();
      if (answer === undefined) reject(new Error(refusal));
      else resolve(answer);
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('closed without an answer')));
  });
}

export async function createStream(at: NatsAddress): Promise<void> {
  const config = { name: 'KEPT', subjects: ['kept.>'], storage: 'file' };
  const answer = await request(at, '$JS.API.STREAM.CREATE.KEPT', JSON.stringify(config));
  if (answer.includes('"error"')) throw new Error(answer);
}

export async function storedMessages(at: NatsAddress): Promise<number> {
  const answer = await request(at, '$JS.API.STREAM.INFO.KEPT', '');
  return Number(/"messages":(\d+)/.exec(answer)?.[1] ?? Number.NaN);
}
