import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { systemClock } from '@waybill/process';
import { eventually } from '@waybill/process/testing';
import { expect, it, onTestFinished } from 'vitest';
import { isRunning, scratch, silent } from './recorded-job.fixture.ts';
import { startWatchdog } from './watchdog.ts';

function group(): ChildProcess & { readonly pid: number } {
  const child = spawn('sh', ['-c', 'sleep 1000 & wait'], { detached: true, stdio: 'ignore' });
  const { pid } = child;
  if (pid === undefined) throw new Error('no process');
  onTestFinished(() => void (isRunning(pid) && process.kill(-pid, 'SIGKILL')));
  return Object.assign(child, { pid });
}

function startIn(folder: string) {
  return startWatchdog({
    folder,
    path: process.env['PATH'] ?? '',
    clock: systemClock,
    log: silent,
  });
}

function pidOf(folder: string): number {
  const all = execFileSync('ps', ['-axww', '-o', 'pid=,args='], { encoding: 'utf8' });
  const line = all.split('\n').find((text) => text.endsWith(`waybill-watchdog ${folder}`));
  return Number(line?.trim().split(' ')[0] ?? Number.NaN);
}

it('the watchdog kills the groups that it was told of, and no other', async () => {
  const folder = path.join(scratch(), 'own');
  mkdirSync(folder);
  const watchdog = startIn(folder);
  const [told, untold, finished] = [group(), group(), group()];
  watchdog.add(told.pid);
  watchdog.add(finished.pid);
  watchdog.remove(finished.pid);
  await watchdog.end();
  await eventually(() => !isRunning(told.pid));
  expect([untold, finished].every(({ pid }) => isRunning(pid))).toBe(true);
  expect(existsSync(folder)).toBe(false);
});

it('a watchdog that is killed is replaced by one that knows as much', async () => {
  const folder = path.join(scratch(), 'own');
  mkdirSync(folder);
  const watchdog = startIn(folder);
  const told = group();
  watchdog.add(told.pid);
  const first = pidOf(folder);
  process.kill(first, 'SIGKILL');
  await eventually(() => pidOf(folder) > 0 && pidOf(folder) !== first);
  expect(isRunning(told.pid)).toBe(true);
  await watchdog.end();
  await eventually(() => !isRunning(told.pid));
});

it('a group ends with its lease though nobody says anything more, and not while it is renewed', async () => {
  const folder = path.join(scratch(), 'own');
  mkdirSync(folder);
  const watchdog = startIn(folder);
  const [silenced, renewed, unleased, finished] = [group(), group(), group(), group()];
  for (const { pid } of [silenced, renewed, unleased, finished]) watchdog.add(pid);
  for (const { pid } of [silenced, renewed, finished]) watchdog.limit(pid, 600);
  watchdog.limit(renewed.pid, 3_600_000);
  watchdog.remove(finished.pid);
  await eventually(() => !isRunning(silenced.pid));
  expect([renewed, unleased, finished].every(({ pid }) => isRunning(pid))).toBe(true);
  await watchdog.end();
  await eventually(() => !isRunning(renewed.pid) && !isRunning(unleased.pid));
});

it('a watchdog that is killed is replaced by one that knows the leases', async () => {
  const folder = path.join(scratch(), 'own');
  mkdirSync(folder);
  const watchdog = startIn(folder);
  const told = group();
  watchdog.add(told.pid);
  watchdog.limit(told.pid, 3_000);
  process.kill(pidOf(folder), 'SIGKILL');
  await eventually(() => !isRunning(told.pid), { withinMs: 10_000 });
  await watchdog.end();
});
