/** The port of everything. The default gives way to whoever has it; a port that was asked for is never exchanged for another. */
import { createServer } from 'node:net';
import { CliError, exits } from '../cli-error.ts';

const DEFAULT_PORT = 7070;
const TRIES_MAX = 100;

export async function choosePort(
  host: string,
  wanted: number | undefined,
  say: (line: string) => void,
): Promise<number> {
  if (wanted !== undefined) {
    const found = await look(host, wanted);
    if (typeof found === 'number') return found;
    if (!isAboutPort(found)) throw badHost(host, found);
    throw new CliError(
      exits.config,
      `port ${wanted} on ${host} cannot be used (${found}). Free it, or choose another with --port or WAYBILL_PORT.`,
    );
  }
  for (let port = DEFAULT_PORT; port < DEFAULT_PORT + TRIES_MAX; port += 1) {
    const found = await look(host, port);
    if (typeof found === 'number') {
      if (port !== DEFAULT_PORT)
        say(
          `Port ${DEFAULT_PORT} is taken by something else; this is ${port}. WAYBILL_PORT names another.`,
        );
      return port;
    }
    if (!isAboutPort(found)) throw badHost(host, found);
  }
  throw new CliError(
    exits.config,
    `no free port on ${host} from ${DEFAULT_PORT} on: name one with --port or WAYBILL_PORT.`,
  );
}

const isAboutPort = (code: string): boolean => code === 'EADDRINUSE' || code === 'EACCES';

const badHost = (host: string, code: string): CliError =>
  new CliError(exits.config, `${host} cannot be listened on (${code}): check WAYBILL_HOST.`);

/** The port that is free, 0 being any, or the code of why it is not. */
function look(host: string, port: number): Promise<number | string> {
  const { promise, resolve } = Promise.withResolvers<number | string>();
  const server = createServer();
  server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  server.listen({ host, port, exclusive: true }, () => {
    const address = server.address();
    server.close(() =>
      resolve(typeof address === 'object' && address !== null ? address.port : port),
    );
  });
  return promise;
}
