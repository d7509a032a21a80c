/**
 * A runner as a process of its own beside `waybill up`. It ends when its parent does, however that ends: the channel
 * between them breaks then. It comes back when it falls over, and gets nothing of the servers' secrets.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { backoffMs, type Clock, type Logger, type Part } from '@waybill/process';
import { CliError, exits } from '../cli-error.ts';

export type RunnerOptions = Readonly<{
  env: Readonly<Record<string, string | undefined>>;
  url: string;
  agentToken: string;
  home: string;
  clock: Clock;
  log: Logger;
  /** Its log lines, as they come. */
  write: (text: string) => void;
}>;

const main = fileURLToPath(new URL('../main.ts', import.meta.url));
/** What runs on it may end by itself so long; all of Waybill has ten seconds. */
const drainMs = 3_000;
const stopWithinMs = 7_000;
const pauses = { baseMs: 1_000, capMs: 10_000, random: Math.random } as const;

export function runnerProcess(o: RunnerOptions): Part {
  const { clock, log } = o;
  let child: ChildProcess | undefined;
  let ended: Promise<void> = Promise.resolve();
  let stopping = false;

  const launch = (restarts: number, fail: (error: Error) => void): void => {
    // A group of its own: Ctrl-C at the terminal reaches it by way of its parent's orderly stop.
    const process_ = spawn(process.execPath, [main, 'runner'], {
      env: environmentOf(o),
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: true,
    });
    child = process_;
    for (const stream of [process_.stdout, process_.stderr])
      stream?.setEncoding('utf8').on('data', o.write);
    const startedMs = clock.monotonicMs();
    ended = new Promise((resolve) => {
      process_.once('error', (error) => {
        fail(error);
        resolve();
      });
      process_.once('exit', (code, signal) => {
        resolve();
        if (stopping) return;
        log.warn({ code, signal }, 'the runner has ended');
        if (code === exits.config)
          return fail(new CliError(exits.config, 'the runner was refused; its log says why'));
        const failures = clock.monotonicMs() - startedMs > pauses.capMs ? 1 : restarts + 1;
        clock.after(backoffMs(failures, pauses), () => !stopping && launch(failures, fail), {
          background: true,
        });
      });
    });
    log.info({ pid: process_.pid }, 'the runner has been started');
  };
  return {
    name: 'runner',
    start: async (_signal, fail) => launch(0, fail),
    stop: async () => {
      stopping = true;
      child?.kill('SIGTERM');
      const timer = clock.after(stopWithinMs, () => {
        log.warn('the runner did not end in time and is killed');
        child?.kill('SIGKILL');
      });
      await ended;
      timer.cancel();
    },
  };
}

/** What a step may see of this machine, and what the runner needs; a server's password is neither. */
function environmentOf({ env, url, agentToken, home }: RunnerOptions): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(
    ([name]) =>
      !/^(?:WAYBILL_(?!AGENT_ID|AGENT_LABELS|RUNNER_)|NATS_|DATABASE_URL|PG|S3_|AWS_)/.test(name),
  );
  return {
    ...Object.fromEntries(kept),
    WAYBILL_URL: url,
    WAYBILL_AGENT_TOKEN: agentToken,
    WAYBILL_HOME: home,
    WAYBILL_AGENT_ID: env['WAYBILL_AGENT_ID'] ?? 'runner-local',
    WAYBILL_RUNNER_PARENT_PIPE: 'true',
    WAYBILL_RUNNER_DRAIN: `${drainMs}ms`,
  };
}
