/**
 * What runs on this machine. A pid from a file may by now belong to anybody, so our servers are found
 * by their command line, which names their own folder; that also finds one whose pid nobody wrote down.
 */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';

export type RunningProcess = Readonly<{ pid: number; commandLine: string }>;

const run = promisify(execFile);

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: there is one, and it is somebody else's.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
  // A dead process that nobody has reaped still takes signals. While it has other threads it is not
  // dead yet, whatever its first thread says: they still hold its files and ports.
  const stat = statOf(pid);
  return stat === undefined || stat.state !== 'Z' || stat.threads > 1;
}

/** Tells a process from a later one with the same pid; undefined where the system does not say. */
export function birthOf(pid: number): string | undefined {
  const started = statOf(pid)?.started;
  if (started === undefined) return undefined;
  return `${readProc('/proc/sys/kernel/random/boot_id')?.trim() ?? ''}:${started}`;
}

export async function processesWith(marker: string): Promise<readonly RunningProcess[]> {
  const all = process.platform === 'linux' ? listFromProc() : await listFromCommand();
  return all.filter(
    (one) => one.pid !== process.pid && ` ${one.commandLine} `.includes(` ${marker} `),
  );
}

function listFromProc(): readonly RunningProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({
      pid: Number(name),
      commandLine: (readProc(`/proc/${name}/cmdline`) ?? '')
        .replace(/\0$/, '')
        .replaceAll('\0', ' '),
    }));
}

async function listFromCommand(): Promise<readonly RunningProcess[]> {
  const windows =
    'Get-CimInstance Win32_Process | ForEach-Object { "$($_.ProcessId) $($_.CommandLine)" }';
  const [command, args] =
    process.platform === 'win32'
      ? (['powershell', ['-NoProfile', '-Command', windows]] as const)
      : (['ps', ['-axww', '-o', 'pid=,command=']] as const);
  const { stdout } = await run(command, args, { maxBuffer: 64 * 1024 * 1024 });
  return stdout.split('\n').flatMap((line) => {
    const [, pid, commandLine] = /^\s*(\d+) (.*?)\s*$/.exec(line) ?? [];
    return pid === undefined || commandLine === undefined
      ? []
      : [{ pid: Number(pid), commandLine }];
  });
}

type Stat = Readonly<{ state: string; threads: number; started: string }>;

function statOf(pid: number): Stat | undefined {
  const text = readProc(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // The second field is the name in brackets, which may hold spaces and brackets of its own.
  const [state, ...rest] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [threads, started] = [rest[16], rest[18]];
  if (state === undefined || threads === undefined || started === undefined) return undefined;
  return { state, threads: Number(threads), started };
}

function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // it ended between two looks, or there is no /proc here
  }
}
