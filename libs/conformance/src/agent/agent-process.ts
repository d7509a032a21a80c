/** The agent under test as a process that the kit starts, stops and starts again. It and all that it has started end with the kit. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Clock } from '@waybill/process';

export type AgentProcess = Readonly<{
  readonly isRunning: boolean;
  /** The end of what it has printed, for those who ask why it does not come. */
  printed(): string;
  start(): void;
  terminate(): void;
  /** SIGTERM, and SIGKILL for what does not end in time. */
  stop(): Promise<void>;
}>;

export type AgentProcessOptions = Readonly<{
  /** One command with its arguments, for `sh`. */
  command: string;
  env: Readonly<Record<string, string | undefined>>;
  clock: Clock;
  graceMs: number;
}>;

const printedCharsMax = 4_000;

export function createAgentProcess(o: AgentProcessOptions): AgentProcess {
  let child: ChildProcess | undefined;
  let ended = Promise.resolve();
  let text = '';
  const isRunning = (): boolean =>
    child !== undefined && child.exitCode === null && child.signalCode === null;
  const kill = (signal: NodeJS.Signals, pid: number | undefined): void => {
    try {
      if (pid !== undefined) process.kill(pid, signal);
    } catch {
      // It has just ended.
    }
  };
  return {
    get isRunning() {
      return isRunning();
    },
    printed: () => text,
    start: () => {
      if (isRunning()) return;
      text = '';
      // `exec`, so that a signal reaches the agent and not its shell; a group, so that nothing of it is left behind.
      const started = spawn('sh', ['-c', `exec ${o.command}`], {
        env: { ...o.env },
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: true,
      });
      const note = (chunk: Buffer): void => {
        text = `${text}${chunk.toString('utf8')}`.slice(-printedCharsMax);
      };
      started.stdout.on('data', note);
      started.stderr.on('data', note);
      const end = Promise.withResolvers<void>();
      started.once('exit', () => end.resolve());
      started.once('error', () => end.resolve());
      ended = end.promise;
      child = started;
    },
    terminate: () => kill('SIGTERM', child?.pid),
    stop: async () => {
      const pid = child?.pid;
      if (pid === undefined) return;
      if (isRunning()) {
        kill('SIGTERM', pid);
        const timer = o.clock.after(o.graceMs, () => kill('SIGKILL', pid));
        await ended;
        timer.cancel();
      }
      kill('SIGKILL', -pid);
    },
  };
}
