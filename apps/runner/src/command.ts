/**
 * One command, run for real: in a process group of its own, without standard input, its output as lines, and nothing
 * of its group left when it ends, is ended, or when the runner itself dies at any moment.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { JobAborted, type JobHandle } from '@waybill/agent';
import { type Clock, safeError, type Timer } from '@waybill/process';
import { createLineSplitter } from './line-splitter.ts';
import type { SecretMask } from './secret-mask.ts';
import type { Watchdog } from './watchdog.ts';

export type Command = Readonly<{
  argv: readonly string[];
  cwd: string;
  env: Readonly<Record<string, string>>;
}>;

export type CommandContext = Readonly<{
  clock: Clock;
  watchdog: Watchdog;
  mask: SecretMask;
  /** Ends the command: SIGTERM, and SIGKILL after the grace. */
  signal: AbortSignal;
  /** Ends it at once, also while it still has its grace. */
  forced: AbortSignal;
  graceMs: number;
  /** Of the job: a runner that is frozen could not end the command. */
  onLease: JobHandle['onLease'];
  onLines: (lines: readonly string[]) => void;
  /** Output is not read while this is pending. */
  pause?: () => Promise<void> | undefined;
}>;

export type CommandEnd = Readonly<{
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  durationMs: number;
  /** It could not be started. */
  error?: string;
}>;

/** Waits until the watchdog knows the group: a runner that dies before that leaves a shell that ends by itself. */
const gated = 'IFS= read -r go <&3 || exit 125; exec 3<&-; exec "$@"';
/** Who left the group with the output in hand does not keep the step open for ever. */
const outputWithinMs = 2_000;
/** What is left of the grace when the runner itself has to go. */
export const stopGraceMs = 2_000;

export function runCommand(command: Command, o: CommandContext): Promise<CommandEnd> {
  const startedMs = o.clock.monotonicMs();
  const ended = Promise.withResolvers<CommandEnd>();
  const end = (rest: Omit<CommandEnd, 'durationMs'>): void => {
    ended.resolve({ ...rest, durationMs: Math.round(o.clock.monotonicMs() - startedMs) });
  };
  const failed = (error: unknown): void => {
    end({ exitCode: null, signal: null, error: o.mask.hide(safeError(error).message) });
  };
  const child = start(command, failed);
  const group = child?.pid;
  if (child === undefined || group === undefined) return ended.promise;

  o.watchdog.add(group);
  const unlimited = o.onLease((leftMs) => o.watchdog.limit(group, leftMs));
  release(child);
  const flush = readOutput(child, o);
  const ending = endOnAbort(group, o);
  let late: Timer | undefined;
  child.on('exit', () => {
    ending.cancel();
    unlimited();
    signalGroup(group, 'SIGKILL');
    o.watchdog.remove(group);
    late = o.clock.after(outputWithinMs, () => {
      child.stdout?.destroy();
      child.stderr?.destroy();
    });
  });
  child.on('close', (exitCode, signal) => {
    late?.cancel();
    flush();
    end({ exitCode, signal });
  });
  return ended.promise;
}

function start(command: Command, failed: (error: unknown) => void): ChildProcess | undefined {
  try {
    const child = spawn('/bin/sh', ['-c', gated, 'sh', ...command.argv], {
      cwd: command.cwd,
      env: command.env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    });
    return child.on('error', failed);
  } catch (error) {
    // Arguments that no system takes, such as a script that is too long.
    failed(error);
    return undefined;
  }
}

function release(child: ChildProcess): void {
  const gate = child.stdio[3];
  if (!gate || !('write' in gate)) throw new Error('a command was started without its gate');
  // It may have been killed before it read.
  gate.on('error', () => undefined);
  gate.end('go\n');
}

/** Returns what gives out the last, unfinished lines. */
function readOutput(child: ChildProcess, o: CommandContext): () => void {
  const sources = [child.stdout, child.stderr].flatMap((stream) => (stream ? [stream] : []));
  const hold = async (until: Promise<void>): Promise<void> => {
    for (const stream of sources) stream.pause();
    await until;
    for (const stream of sources) stream.resume();
  };
  const splitters = sources.map((stream) => {
    const splitter = createLineSplitter({ mask: o.mask, onLines: o.onLines });
    stream.on('data', (bytes: Buffer) => {
      splitter.write(bytes);
      const until = o.pause?.();
      if (until) void hold(until);
    });
    stream.on('error', () => undefined);
    return splitter;
  });
  return () => {
    for (const splitter of splitters) splitter.end();
  };
}

function endOnAbort(group: number, o: CommandContext): Timer {
  let kill: Timer | undefined;
  const onAbort = (): void => {
    const reason: unknown = o.signal.reason;
    const aborted = reason instanceof JobAborted ? reason : undefined;
    if (o.forced.aborted) return signalGroup(group, 'SIGKILL');
    signalGroup(group, 'SIGTERM');
    const graceMs = aborted?.code === 'agent_stopped' ? stopGraceMs : o.graceMs;
    kill = o.clock.after(graceMs, () => signalGroup(group, 'SIGKILL'));
  };
  const onForced = (): void => signalGroup(group, 'SIGKILL');
  o.forced.addEventListener('abort', onForced, { once: true });
  if (o.signal.aborted) onAbort();
  else o.signal.addEventListener('abort', onAbort, { once: true });
  return {
    cancel: () => {
      kill?.cancel();
      o.forced.removeEventListener('abort', onForced);
      o.signal.removeEventListener('abort', onAbort);
    },
  };
}

function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch {
    // Nobody is left in it.
  }
}
