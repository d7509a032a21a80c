/**
 * The `waybill` command as real processes over a home of their own, for tests of the whole: commands that end, and ones that
 * stay until the test ends them. Whatever a test leaves running is stopped with it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from '@waybill/process/testing';
import { z } from 'zod';

const main = fileURLToPath(new URL('../../apps/cli/src/main.ts', import.meta.url));

export type Ended = Readonly<{
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}>;

export type Staying = Readonly<{
  pid: number;
  stdout(): string;
  stderr(): string;
  /** Waits until it has said so, on either output. */
  says(text: string, withinMs?: number): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  ended: Promise<Ended>;
}>;

export type Home = Readonly<{
  folder: string;
  port: number;
  run(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended>;
  /** The one JSON document that a command prints. */
  json<S extends z.ZodType>(schema: S, ...args: readonly string[]): Promise<z.infer<S>>;
  stay(args: readonly string[], env?: Readonly<Record<string, string>>): Staying;
  /** `waybill up` that is ready. */
  up(...args: readonly string[]): Promise<Staying>;
  servers(): Promise<Readonly<Record<string, string>>>;
  /** Ends what still runs, in order, and removes the folder. */
  close(): Promise<void>;
}>;

const prefix = 'waybill-e2e-';

export async function openHome(): Promise<Home> {
  const root = mkdtempSync(join(realpathSync(tmpdir()), prefix));
  // Postgres gets another account where this is root, and has to pass.
  chmodSync(root, 0o711);
  const folder = join(root, 'home');
  const port = await freePort();
  const staying: Staying[] = [];
  const environment = (more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv => ({
    ...Object.fromEntries(
      Object.entries(process.env).filter(
        ([name]) => !/^(?:WAYBILL_|NATS_|DATABASE_URL|LOG_LEVEL|VITEST)/.test(name),
      ),
    ),
    WAYBILL_HOME: folder,
    WAYBILL_PORT: String(port),
    WAYBILL_DURABILITY: 'fast',
    NO_COLOR: '1',
    ...more,
  });
  const launch = (args: readonly string[], env?: Readonly<Record<string, string>>): Staying => {
    const child = spawn(process.execPath, [main, ...args], {
      env: environment(env),
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return watch(child);
  };
  const run: Home['run'] = (args, env) => launch(args, env).ended;
  const home: Home = {
    folder,
    port,
    run,
    json: async (schema, ...args) => {
      const { code, stdout, stderr } = await run([...args, '--json']);
      if (code !== 0) throw new Error(`waybill ${args.join(' ')} ended with ${code}: ${stderr}`);
      return schema.parse(JSON.parse(stdout));
    },
    stay: (args, env) => {
      const one = launch(args, env);
      staying.push(one);
      return one;
    },
    up: async (...args) => {
      const one = home.stay(['up', ...args]);
      await one.says('Waybill is up', 60_000);
      return one;
    },
    servers: async () =>
      z
        .record(z.string(), z.string())
        .parse(JSON.parse(await readFile(join(folder, 'servers.json'), 'utf8'))),
    close: async () => {
      for (const one of staying.toReversed()) {
        one.kill('SIGTERM');
        await one.ended;
      }
      rmSync(root, { recursive: true, force: true, maxRetries: 3 });
    },
  };
  return home;
}

function watch(child: ChildProcess): Staying {
  let [stdout, stderr] = ['', ''];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = Promise.withResolvers<Ended>();
  let over: Ended | undefined;
  child.once('error', ended.reject);
  child.once('close', (code, signal) => {
    over = { code, signal, stdout, stderr };
    ended.resolve(over);
  });
  return {
    pid: child.pid ?? 0,
    stdout: () => stdout,
    stderr: () => stderr,
    says: async (text, withinMs = 30_000) => {
      await eventually(() => stdout.includes(text) || stderr.includes(text) || over !== undefined, {
        withinMs,
        what: `"${text}"`,
      });
      if (!stdout.includes(text) && !stderr.includes(text))
        throw new Error(
          `it ended with ${over?.code} before it said "${text}": ${stderr}${stdout.slice(-2_000)}`,
        );
    },
    kill: (signal) => void child.kill(signal),
    ended: ended.promise,
  };
}

/** Kept by the test, so that an agent finds a Waybill again that was started anew. */
export function freePort(): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const server = createServer();
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
  });
  return promise;
}

/** Makes a run whose one step waits until the file is there. */
export const waitingRun = (file: string): string =>
  JSON.stringify({
    jobs: [
      {
        name: 'wait',
        steps: [
          { name: 'first', run: 'echo begun' },
          {
            name: 'waits',
            run: `until [ -e "$GO" ]; do sleep 0.05; done; echo seen`,
            env: { GO: file },
          },
        ],
      },
    ],
  });
