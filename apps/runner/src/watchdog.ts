/**
 * What is left of the runner when the runner is gone: a tiny shell that knows the process groups of all running steps
 * and, when its standard input ends, however the runner died, kills them and removes the runner's folder. It is in a
 * session of its own, so a signal to the runner's group does not reach it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Logger } from '@waybill/process';

export type Watchdog = Readonly<{
  add(group: number): void;
  remove(group: number): void;
  /** Its end, once nothing runs any more. */
  end(): Promise<void>;
}>;

const script = `
trap '' HUP INT QUIT TERM
groups=
while read -r sign group; do
  case $sign in
    +) groups="$groups $group" ;;
    -) left=
       for one in $groups; do [ "$one" = "$group" ] || left="$left $one"; done
       groups=$left ;;
  esac
done
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
rm -rf -- "$1" 2>/dev/null || { sleep 1; rm -rf -- "$1"; }
`;

export function startWatchdog(
  o: Readonly<{ folder: string; path: string; log: Logger }>,
): Watchdog {
  const groups = new Set<number>();
  const ended = Promise.withResolvers<void>();
  let ending = false;

  const start = (): ChildProcess => {
    const child = spawn('/bin/sh', ['-c', script, 'waybill-watchdog', o.folder], {
      cwd: '/',
      detached: true,
      env: { PATH: o.path },
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    child.stdin?.on('error', (error) => o.log.debug({ err: error }, 'watchdog unreachable'));
    child.on('error', (error) => o.log.error({ err: error }, 'no watchdog'));
    child.on('exit', () => {
      if (ending) return ended.resolve();
      o.log.warn('the watchdog was killed: starting another one');
      current = start();
    });
    for (const group of groups) child.stdin?.write(`+ ${group}\n`);
    return child;
  };
  let current = start();

  return {
    add: (group) => {
      groups.add(group);
      current.stdin?.write(`+ ${group}\n`);
    },
    remove: (group) => {
      groups.delete(group);
      current.stdin?.write(`- ${group}\n`);
    },
    end: () => {
      ending = true;
      if (current.exitCode === null && current.signalCode === null) current.stdin?.end();
      else ended.resolve();
      return ended.promise;
    },
  };
}
