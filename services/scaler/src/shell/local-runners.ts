/**
 * Agents as processes of the reference runner on this machine, each with an id and a log of its own. They end with the scaler, however
 * that ends: the channel between them breaks then. They get the token of scalers and nothing else of the servers' secrets.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import type { Clock, Logger } from '@waybill/process';
import type { AgentFolder } from './agent-folder.ts';
import type { AgentMaker, Made } from './agent-maker.ts';

export type LocalRunnersOptions = Readonly<{
  /** The file that a runner begins with. */
  main: string;
  url: string;
  token: string;
  path: string;
  lang: string;
  logLevel: string;
  /** How long the jobs of an agent may go on after it was told to end. */
  drainMs: number;
  folder: AgentFolder;
  clock: Clock;
  log: Logger;
  onEnd: (agentId: string, why: string) => void;
}>;

/** Behind its drain, in which a runner hands over what it has. */
const stopMs = 15_000;
/** Of all that is stopped here in order. */
const closeMs = 6_000;
const lastLines = 5;
const forEverMs = 10 * 365 * 86_400_000;

type Running = Readonly<{ child: ChildProcess; ended: Promise<void> }>;

export function openLocalRunners(o: LocalRunnersOptions): AgentMaker {
  const { clock, log, folder } = o;
  const running = new Map<string, Running>();
  let isClosing = false;

  const ended = (agentId: string, why: string): void => {
    running.delete(agentId);
    folder.forget(agentId);
    if (!isClosing) o.onEnd(agentId, why);
  };
  const make = (made: Made): void => {
    const { agentId } = made;
    const output = openSync(folder.logFile(agentId), 'a', 0o600);
    const child = spawn(process.execPath, [o.main], {
      cwd: folder.work,
      env: environmentOf(o, made),
      stdio: ['ignore', output, output, 'ipc'],
      // A group of its own: Ctrl-C at the terminal reaches it by way of its parent's orderly stop.
      detached: true,
    });
    closeSync(output);
    const over = Promise.withResolvers<void>();
    running.set(agentId, { child, ended: over.promise });
    child.once('error', (error) => {
      if (child.pid !== undefined) return;
      log.error({ err: error, agent: agentId }, 'a process cannot be started');
      ended(agentId, `its process cannot be started: ${error.message}`);
      over.resolve();
    });
    child.once('exit', (code, signal) => {
      const how = signal ?? `exit code ${code}`;
      const said = code === 0 ? undefined : endOf(folder.logFile(agentId));
      log.info({ agent: agentId, pid: child.pid, code, signal, said }, 'an agent has ended');
      ended(agentId, `its process ended with ${how}`);
      over.resolve();
    });
    if (child.pid === undefined) return;
    folder.record(agentId, child.pid);
    log.debug({ agent: agentId, pid: child.pid }, 'the process of an agent runs');
  };
  const end = (agentId: string, withinMs = o.drainMs + stopMs): void => {
    const one = running.get(agentId);
    if (one === undefined) return;
    one.child.kill('SIGTERM');
    const timer = clock.after(
      withinMs,
      () => {
        log.warn({ agent: agentId }, 'an agent did not end in time and is killed');
        one.child.kill('SIGKILL');
      },
      { background: true },
    );
    void one.ended.then(timer.cancel);
  };

  return {
    make,
    has: (agentId) => running.has(agentId),
    end,
    close: async () => {
      isClosing = true;
      const all = [...running];
      const withinMs = Math.min(o.drainMs + stopMs, closeMs);
      for (const [agentId, { child }] of all) {
        if (child.pid !== undefined)
          folder.leave(agentId, child.pid, clock.now() + o.drainMs + stopMs);
        end(agentId);
      }
      const late = new AbortController();
      await Promise.race([
        Promise.all(all.map(([, one]) => one.ended)),
        clock.sleep(withinMs, late.signal).catch(() => undefined),
      ]);
      late.abort();
      if (o.drainMs < closeMs) for (const { child } of running.values()) child.kill('SIGKILL');
      else if (running.size > 0)
        log.info({ agents: running.size }, 'agents go on with their jobs and end after them');
      folder.close();
    },
  };
}

/** What a runner needs, and what its steps may see of this machine. */
const environmentOf = (
  o: LocalRunnersOptions,
  { agentId, pool, isStanding }: Made,
): NodeJS.ProcessEnv => ({
  PATH: o.path,
  LANG: o.lang,
  LOG_LEVEL: o.logLevel,
  WAYBILL_URL: o.url,
  WAYBILL_AGENT_TOKEN: o.token,
  WAYBILL_AGENT_ID: agentId,
  WAYBILL_AGENT_LABELS: pool.labels.join(','),
  WAYBILL_RUNNER_CONCURRENCY: String(pool.concurrency),
  WAYBILL_RUNNER_DIR: o.folder.work,
  WAYBILL_RUNNER_DRAIN: `${o.drainMs}ms`,
  WAYBILL_RUNNER_PARENT_PIPE: 'true',
  WAYBILL_RUNNER_IDLE_TIMEOUT: `${isStanding ? forEverMs : pool.idleTimeoutMs}ms`,
  // The job that it was made for may be somebody else's by then: it waits for another as long as any.
  WAYBILL_RUNNER_PENDING_DISPATCH_TIMEOUT: `${isStanding ? forEverMs : Math.max(pool.idleTimeoutMs, pool.startTimeoutMs)}ms`,
});

function endOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lastLines).join('\n');
  } catch {
    return undefined;
  }
}
