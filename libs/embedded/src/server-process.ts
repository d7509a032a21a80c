/**
 * A server's process: spawned into a session of its own with its output in a log file, so that neither
 * Ctrl-C nor our death reaches it, and ended by signals within a bound. One that ends by itself gets a line.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { open, readFile, rename, stat } from 'node:fs/promises';
import { EmbeddedError } from './embedded-error.ts';
import { isAlive } from './process-table.ts';
import type { Account } from './service-account.ts';
import { until } from './wait.ts';

export type Say = (line: string) => void;

export type Program = Readonly<{
  name: 'nats-server' | 'Postgres';
  command: string;
  args: readonly string[];
  account: Account | undefined;
  logFile: string;
  say: Say;
}>;

export type Spawned = Readonly<{
  pid: number;
  /** What it has written to its log so far. */
  said(): Promise<string>;
  /** From now on its end gets a line, unless it is our doing. */
  watch(): void;
}>;

export type EndingStep = Readonly<{ signal: NodeJS.Signals; withinMs: number }>;

const logBytesMax = 10 * 1024 * 1024;

/** Those whose end we have asked for; any other end is worth a line. */
const ending = new Set<number>();

export async function spawnServer(program: Program): Promise<Spawned> {
  const { logFile } = program;
  if ((await sizeOf(logFile)) > logBytesMax) await rename(logFile, `${logFile}.1`);
  const before = await sizeOf(logFile);
  const log = await open(logFile, 'a', 0o600);
  try {
    const child = spawnInto(program, log.fd);
    const pid = await pidOf(child, program);
    let watched = false;
    child.once('exit', (code, signal) => {
      if (ending.delete(pid) || !watched) return;
      const how = signal ?? `exit code ${code}`;
      program.say(`${program.name} ended by itself (${how}). Its log is ${logFile}.`);
    });
    return {
      pid,
      watch: () => {
        watched = true;
      },
      said: async () => (await readFile(logFile)).subarray(before).toString('utf8'),
    };
  } finally {
    await log.close();
  }
}

function spawnInto(program: Program, log: number): ChildProcess {
  const child = spawn(program.command, program.args, {
    cwd: process.platform === 'win32' ? undefined : '/',
    // A server needs nothing of our environment, and secrets stay out of its own.
    env: process.platform === 'win32' ? undefined : { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
    detached: true,
    stdio: ['ignore', log, log],
    windowsHide: true,
    ...program.account,
  });
  child.unref();
  return child;
}

function pidOf(child: ChildProcess, { name, command }: Program): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('spawn', () => resolve(child.pid ?? Number.NaN));
    child.once('error', (cause) => {
      const why = `${name} could not be started from ${command}: ${cause.message}`;
      reject(new EmbeddedError('start-failed', why, { cause }));
    });
  });
}

/** Each step's signal, and its time to work; the last resort is always SIGKILL. */
export async function end(pid: number, steps: readonly EndingStep[]): Promise<void> {
  if (isAlive(pid)) ending.add(pid);
  for (const { signal, withinMs } of [...steps, { signal: 'SIGKILL', withinMs: 5_000 } as const]) {
    if (!isAlive(pid)) return;
    send(pid, signal);
    const gone = await until({ withinMs, everyMs: 10 }, async () =>
      isAlive(pid) ? undefined : true,
    );
    if (gone) return;
  }
}

export function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended in this moment, which is what the signal was for.
  }
}

async function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    ({ size }) => size,
    () => 0,
  );
}
