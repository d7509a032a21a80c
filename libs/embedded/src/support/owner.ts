/**
 * A process of its own that starts servers and stays up: what the specs kill, interrupt, or run as
 * somebody else.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { EmbeddedOptions, Servers } from '../servers.ts';
import type { Account } from '../service-account.ts';
import type { TestServersOptions } from '../test-servers.ts';

export type Owner = Readonly<{
  child: ChildProcess;
  servers: Servers;
  /** Asks it to stop the servers and end; resolves with its exit code. */
  finish(): Promise<number | null>;
  /** Sends a signal to its whole process group, as a terminal does, and waits for its end. */
  interrupt(signal: NodeJS.Signals): Promise<void>;
}>;

const program = `
  import * as embedded from ${JSON.stringify(new URL('../index.ts', import.meta.url).href)};
  const { start, options } = JSON.parse(process.argv[1]);
  const servers = await embedded[start](options);
  process.stdout.write(JSON.stringify(servers) + '\\n');
  process.stdin.once('data', async () => {
    await servers.stop();
    process.exit(0);
  });
`;

export type Ownership =
  | Readonly<{ start: 'startServers'; options: EmbeddedOptions; account?: Account | undefined }>
  | Readonly<{ start: 'startTestServers'; options: TestServersOptions; account?: undefined }>;

export async function startOwner(ownership: Ownership): Promise<Owner> {
  const { account, ...rest } = ownership;
  const child = spawn(
    process.execPath,
    ['--input-type=module', '-e', program, '--', JSON.stringify(rest)],
    { cwd: '/', detached: true, stdio: ['pipe', 'pipe', 'pipe'], ...account },
  );
  const ended = once(child, 'exit');
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text;
  });
  const line = await Promise.race([
    once(createInterface({ input: child.stdout }), 'line').then(([text]) => String(text)),
    ended.then(() => undefined),
  ]);
  if (line === undefined) throw new Error(`the owner ended at once: ${complaints}`);
  return {
    child,
    // Printed by the program above, one line with just this.
    servers: JSON.parse(line) as Servers,
    finish: async () => {
      child.stdin.write('stop\n');
      await ended;
      return child.exitCode;
    },
    interrupt: async (signal) => {
      if (child.pid !== undefined) process.kill(-child.pid, signal);
      await ended;
    },
  };
}
