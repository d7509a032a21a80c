/**
 * Loaded before a process of Waybill (`node --import`), it ends that process where it passes a milestone, or freezes it there:
 * `CRASH_AT=offer.appended:3` at the third passing, `STOP_AT=due.read` at the first; `decision.drafted/job.offered` counts those
 * about that type. From its environment, or from the file `FAULT_FILE` whenever it gets SIGUSR2. Of several with the same
 * `FAULT_ONCE` the first is hit. With `CLOCK_OFF_MS` the clock of its host is wrong by so much. With `HASTE_MS` it does as often what
 * it would do every minute or less.
 */
import { subscribe } from 'node:diagnostics_channel';
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { milestoneChannel, milestones } from '@waybill/process';

const signals = { CRASH_AT: 'SIGKILL', STOP_AT: 'SIGSTOP' } as const;

function breakAt(place: string, signal: NodeJS.Signals): void {
  const [, name, type, times = '1'] = /^([a-z.]+)(?:\/([a-z.]+))?(?::(\d+))?$/.exec(place) ?? [];
  const milestone = milestones.find((each) => each === name);
  if (milestone === undefined) throw new Error(`"${place}" is no milestone`);
  let left = Number(times);
  subscribe(milestoneChannel(milestone), (about) => {
    if (type !== undefined && typeOf(about) !== type) return;
    left -= 1;
    if (left !== 0 || !isFirst()) return;
    say(`${signal} at ${place}`);
    process.kill(process.pid, signal);
  });
  say(`armed at ${place}`);
}

/** Whoever makes the file. */
function isFirst(): boolean {
  const file = process.env['FAULT_ONCE'];
  if (file === undefined) return true;
  try {
    closeSync(openSync(file, 'wx'));
    return true;
  } catch {
    return false;
  }
}

const typeOf = (about: unknown): unknown =>
  typeof about === 'object' && about !== null && 'type' in about ? about.type : undefined;

/** At once: nothing that is buffered leaves a process that is killed. */
const say = (text: string): void => void writeSync(2, `${text}\n`);

function arm(faults: Readonly<Record<string, string | undefined>>): void {
  for (const [variable, signal] of Object.entries(signals)) {
    const place = faults[variable];
    if (place !== undefined) breakAt(place, signal);
  }
}

arm(process.env);
const { FAULT_FILE } = process.env;
if (FAULT_FILE !== undefined)
  process.on('SIGUSR2', () => {
    // Written by whoever sends the signal.
    arm(JSON.parse(readFileSync(FAULT_FILE, 'utf8')) as Record<string, string>);
  });
const offMs = Number(process.env['CLOCK_OFF_MS'] ?? 0);
const { now } = Date;
Date.now = () => now() + offMs;
const hasteMs = Number(process.env['HASTE_MS'] ?? Number.POSITIVE_INFINITY);
const { setInterval: every } = globalThis;
globalThis.setInterval = Object.assign(
  (run: (...args: unknown[]) => void, ms: number) =>
    every(run, ms < 60_000 ? ms : Math.min(ms, hasteMs)),
  every,
);
say('faults may be set');
