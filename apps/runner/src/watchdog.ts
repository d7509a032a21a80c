/**
 * What is left of the runner when the runner is gone or frozen: a tiny shell that knows the process groups of all running steps.
 * When its standard input ends, however the runner died, it kills them and removes the runner's folder; when the lease of a
 * group's job is over, it kills that group. It is in a session of its own, so a signal to the runner's group does not reach it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Clock, Logger } from '@waybill/process';

export type Watchdog = Readonly<{
  add(group: number): void;
  remove(group: number): void;
  /** The lease under which the group runs is over in so long, and the group with it a little before, unless this is said again. */
  limit(group: number, leftMs: number): void;
  /** Its end, once nothing runs any more. */
  end(): Promise<void>;
}>;

/** A runner that lives has ended its steps by then. */
const marginMs = 1_000;

const script = `
trap '' HUP INT QUIT TERM
groups=
limits=
# Hundredths of a second since the boot, those of a suspended host included.
uptime() {
  { read -r now rest < /proc/uptime; } 2>/dev/null || return 1
  now="\${now%.*}\${now#*.}"
}
endAfter() {
  if uptime; then
    end=$((now + $2))
    while uptime && [ "$now" -lt "$end" ]; do
      left=$((end - now))
      [ "$left" -lt 100 ] && sleep "$(printf '0.%02d' "$left")" || sleep 1
    done
  else
    sleep "$(($2 / 100))"
  fi
  kill -s KILL -- "-$1" 2>/dev/null
}
unlimit() {
  left=
  for one in $limits; do
    case $one in
      "$1":*) kill -s KILL "\${one#*:}" 2>/dev/null; wait "\${one#*:}" 2>/dev/null ;;
      *) left="$left $one" ;;
    esac
  done
  limits=$left
}
while read -r sign group after; do
  case $sign in
    +) groups="$groups $group" ;;
    -) left=
       for one in $groups; do [ "$one" = "$group" ] || left="$left $one"; done
       groups=$left
       unlimit "$group" ;;
    =) unlimit "$group"
       endAfter "$group" "$after" &
       limits="$limits $group:$!" ;;
  esac
done
for one in $limits; do kill -s KILL "\${one#*:}" 2>/dev/null; done
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
rm -rf -- "$1" 2>/dev/null || { sleep 1; rm -rf -- "$1"; }
`;

export function startWatchdog(
  o: Readonly<{ folder: string; path: string; clock: Clock; log: Logger }>,
): Watchdog {
  /** With the time at which each is to be ended, by the clock. */
  const groups = new Map<number, number | undefined>();
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
    for (const [group, endMs] of groups) {
      child.stdin?.write(`+ ${group}\n`);
      if (endMs !== undefined) child.stdin?.write(limitLine(group, endMs));
    }
    return child;
  };
  const limitLine = (group: number, endMs: number): string =>
    `= ${group} ${Math.max(0, Math.floor((endMs - o.clock.monotonicMs()) / 10))}\n`;
  let current = start();

  return {
    add: (group) => {
      groups.set(group, undefined);
      current.stdin?.write(`+ ${group}\n`);
    },
    remove: (group) => {
      groups.delete(group);
      current.stdin?.write(`- ${group}\n`);
    },
    limit: (group, leftMs) => {
      if (!groups.has(group)) return;
      const endMs = o.clock.monotonicMs() + leftMs - Math.min(marginMs, leftMs / 8);
      groups.set(group, endMs);
      current.stdin?.write(limitLine(group, endMs));
    },
    end: () => {
      ending = true;
      if (current.exitCode === null && current.signalCode === null) current.stdin?.end();
      else ended.resolve();
      return ended.promise;
    },
  };
}
