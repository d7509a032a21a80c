/**
 * The first lines of the NATS protocol, spoken without a client: enough to know that a server is up,
 * takes our credentials, and which version it is.
 */
import { connect } from 'node:net';

export type Greeting = Readonly<{ port: number; user: string; password: string }>;

const answerWithinMs = 2_000;

/** The server's version; undefined when nobody answers or the credentials are refused. */
export function natsVersion({ port, user, password }: Greeting): Promise<string | undefined> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(answerWithinMs);
    const socket = connect({ port, host: '127.0.0.1', signal });
    let heard = '';
    let version: string | undefined;
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      heard += text;
      const info = version === undefined ? /^INFO (\{.*?\})\s*\r\n/.exec(heard)?.[1] : undefined;
      if (info !== undefined) {
        version = /"version":"([^"]+)"/.exec(info)?.[1];
        const options = { user, pass: password, verbose: false, pedantic: false, lang: 'waybill' };
        socket.write(`CONNECT ${JSON.stringify(options)}\r\nPING\r\n`);
      }
      if (/^(PONG|-ERR)/m.test(heard)) {
        resolve(/^PONG/m.test(heard) ? version : undefined);
        socket.destroy();
      }
    });
    socket.on('error', () => resolve(undefined));
    socket.on('close', () => resolve(undefined));
  });
}
