/**
 * Which processes this scaler has started, in a folder that is named for its own process: what a dead one has left running is found
 * there by the next, and killed. An agent whose scaler has stopped in order is left to end what it has, until its time is over.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Clock, isAlive, type Logger, processKey } from '@waybill/process';
import { z } from 'zod';

export type AgentFolder = Readonly<{
  /** Where its runners work. */
  work: string;
  logFile(agentId: string): string;
  record(agentId: string, pid: number): void;
  /** It ends by itself by then, by the clock of this host. */
  leave(agentId: string, pid: number, until: number): void;
  forget(agentId: string): void;
  /** With what is still in it, if anything is. */
  close(): void;
}>;

type Options = Readonly<{ root: string; clock: Clock; log: Logger }>;

const Kept = z.object({ process: z.string(), until: z.number() });
type Kept = z.infer<typeof Kept>;

const keyPattern = /^\d+-\d+$/;
const suffix = '.json';

/** Resolves when nothing of a dead scaler runs that should not. */
export function openAgentFolder({ root, clock, log }: Options): AgentFolder {
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const own = path.join(root, processKey(process.pid));
  const work = path.join(own, 'work');
  mkdirSync(work, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(root))
    if (keyPattern.test(name) && !isAlive(name)) clearUp(path.join(root, name), { clock, log });

  const fileOf = (agentId: string): string => path.join(own, `${agentId}${suffix}`);
  const write = (agentId: string, kept: Kept): void =>
    writeFileSync(fileOf(agentId), JSON.stringify(kept), { mode: 0o600 });
  const logFile = (agentId: string): string => path.join(own, `${agentId}.log`);
  const held = new Set<string>();
  return {
    work,
    logFile,
    record: (agentId, pid) => {
      held.add(agentId);
      write(agentId, { process: processKey(pid), until: 0 });
    },
    leave: (agentId, pid, until) => write(agentId, { process: processKey(pid), until }),
    forget: (agentId) => {
      held.delete(agentId);
      for (const file of [fileOf(agentId), logFile(agentId)]) rmSync(file, { force: true });
    },
    close: () => {
      if (held.size === 0) rmSync(own, { recursive: true, force: true });
    },
  };
}

/** What was started by a process that is gone. */
function clearUp(folder: string, { clock, log }: Omit<Options, 'root'>): void {
  const left = readdirSync(folder)
    .filter((name) => name.endsWith(suffix))
    .map((name) => ({ agentId: name.slice(0, -suffix.length), ...keptIn(path.join(folder, name)) }))
    .filter((kept) => isAlive(kept.process));
  const later = left.filter(({ until }) => until > clock.now());
  for (const { agentId, process: key } of left.filter((kept) => !later.includes(kept))) {
    log.warn({ agent: agentId, process: key }, 'an agent of a scaler that is gone is killed');
    kill(key);
  }
  if (later.length === 0) return rmSync(folder, { recursive: true, force: true });
  const untilMs = Math.max(...later.map(({ until }) => until)) - clock.now();
  clock.after(untilMs + 1, () => clearUp(folder, { clock, log }), { background: true });
}

const gone: Kept = { process: '0-0', until: 0 };

/** One that was cut by a kill names nobody. */
function keptIn(file: string): Kept {
  try {
    return Kept.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return gone;
  }
}

/** By the key, looked at again: the pid may be somebody else's by now. */
function kill(key: string): void {
  if (!isAlive(key)) return;
  try {
    process.kill(Number(key.split('-')[0]), 'SIGKILL');
  } catch {
    // It ended in between.
  }
}
