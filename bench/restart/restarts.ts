/**
 * How long processes that fold the log need to be ready with many live jobs, from the log alone and from a snapshot, and what
 * each job costs them: the fold by itself, and the services that decide. Every start is a process of its own.
 */
import { startTestServers } from '@waybill/embedded';
import { z } from 'zod';
import type { BenchArguments, Durability } from '../arguments.ts';
import type { Links } from '../measure/link.ts';
import { type Role, startRole } from '../measure/role.ts';
import { rounded } from '../measure/table.ts';
import { fillLog } from './filling.ts';
import { jobsIn, type Shape, shapesOf } from './shape.ts';

export type Context = Readonly<{
  natsServerBin: string | undefined;
  signal: AbortSignal;
  /** One line of progress. */
  say: (line: string) => void;
}>;

export const folders = ['live runs', 'dispatcher', 'scheduler'] as const;
export type Folder = (typeof folders)[number];

export type Start = Readonly<{
  from: 'log' | 'snapshot';
  rep: number;
  /** Since the process began. */
  readyMs: number;
  /** Of the process, until then: what a busy machine does not change. */
  cpuMs: number;
  bytesPerJob: number;
}>;

export type Save = Readonly<{
  /** Undefined where the service saves by itself, at its own time. */
  saveMs: number | undefined;
  bytesPerJob: number | undefined;
  /** The longest time in which nothing else of the process had a turn, in CPU time. */
  blockedMs: number;
}>;

export type Restarts = Readonly<{
  shape: Shape;
  folder: Folder;
  durability: Durability;
  logBytesPerJob: number;
  starts: readonly Start[];
  saves: readonly Save[];
}>;

const startMs = 180_000;
/** It saves within a minute of its lease. */
const savedMs = 90_000;

const Ready = z.object({ readyMs: z.number(), cpuMs: z.number(), heldWith: z.number() });
const ReadyRuns = Ready.extend({ jobs: z.number(), isRestored: z.boolean() });
const Saved = z.object({ saveMs: z.number(), savedBytes: z.number(), blockedMs: z.number() });
const SavedItself = z.object({ isSaved: z.boolean(), blockedMs: z.number() });

type Scene = Readonly<{ links: Links; shape: Shape; reps: number; context: Context }>;
type Measured = Readonly<{ starts: readonly Start[]; saves: readonly Save[] }>;

export async function restarts(o: BenchArguments, context: Context): Promise<readonly Restarts[]> {
  const [only, ...others] = o.durabilities;
  const durability = others.length === 0 && only !== undefined ? only : 'fast';
  const measured: Restarts[] = [];
  for (const shape of shapesOf(o.jobs)) {
    const { natsServerBin, signal, say } = context;
    signal.throwIfAborted();
    const servers = await startTestServers({ postgres: false, durability, natsServerBin });
    try {
      const { url, user, password } = servers.nats;
      const links = { nats: { url, user, password }, postgres: { url: '' } };
      const bytes = await fillLog(links, shape, signal);
      const logBytesPerJob = bytes / jobsIn(shape);
      say(`${shape.name}: ${shape.runs} runs are in the log, ${rounded(bytes / 2 ** 20)} MiB`);
      for (const folder of folders) {
        const scene = { links, shape, reps: o.reps, context };
        const figures = await (folder === 'live runs' ? runsAlone(scene) : decider(folder, scene));
        measured.push({ shape, folder, durability, logBytesPerJob, ...figures });
        say(`${shape.name}: ${folder}, ${figures.starts.length} starts`);
      }
    } finally {
      await servers.stop();
    }
  }
  return measured;
}

async function runsAlone({ links, shape, reps, context }: Scene): Promise<Measured> {
  const starts: Start[] = [];
  const saves: Save[] = [];
  const jobs = jobsIn(shape);
  const start = (rep: number, from: Start['from']): Promise<void> =>
    withRole('live runs', 'live-runs.ts', context, async (role) => {
      const heldBefore = await role.ask('held', z.number());
      const ready = await role.ask('begin', ReadyRuns, { body: links, withinMs: startMs });
      if (ready.jobs !== jobs) throw new Error(`${ready.jobs} jobs are live, not ${jobs}`);
      if (ready.isRestored !== (from === 'snapshot')) throw new Error(`not started from a ${from}`);
      const bytesPerJob = (ready.heldWith - heldBefore) / jobs;
      const { readyMs, cpuMs } = ready;
      starts.push({ from, rep, readyMs, cpuMs, bytesPerJob });
      if (from === 'log' && rep < reps - 1) return;
      const saved = await role.ask('save', Saved, { withinMs: startMs });
      saves.push({ ...saved, bytesPerJob: saved.savedBytes / jobs });
    });
  for (let rep = 0; rep < reps; rep++) await start(rep, 'log');
  for (let rep = 0; rep < reps; rep++) await start(rep, 'snapshot');
  return { starts, saves };
}

/** Once from the log alone, which is when it saves, then from its snapshot. */
async function decider(service: Folder, { links, shape, reps, context }: Scene): Promise<Measured> {
  const starts: Start[] = [];
  const saves: Save[] = [];
  const jobs = jobsIn(shape);
  const start = (rep: number, from: Start['from']): Promise<boolean> =>
    withRole(service, 'decider.ts', context, async (role) => {
      const heldBefore = await role.ask('held', z.number());
      const body = { ...links, service };
      const ready = await role.ask('begin', Ready, { body, withinMs: startMs });
      const bytesPerJob = (ready.heldWith - heldBefore) / jobs;
      const { readyMs, cpuMs } = ready;
      starts.push({ from, rep, readyMs, cpuMs, bytesPerJob });
      if (from === 'snapshot') return true;
      const wait = { body: savedMs, withinMs: 2 * savedMs };
      const { isSaved, blockedMs } = await role.ask('saved', SavedItself, wait);
      if (isSaved) saves.push({ saveMs: undefined, bytesPerJob: undefined, blockedMs });
      return isSaved;
    });
  if (!(await start(0, 'log'))) {
    context.say(`${service} has saved no snapshot within ${savedMs} ms`);
    return { starts, saves };
  }
  for (let rep = 0; rep < reps; rep++) await start(rep, 'snapshot');
  return { starts, saves };
}

async function withRole<R>(
  name: string,
  file: string,
  { signal }: Context,
  use: (role: Role) => Promise<R>,
): Promise<R> {
  signal.throwIfAborted();
  const role = startRole(name, new URL(file, import.meta.url));
  try {
    return await use(role);
  } finally {
    await role.quit();
  }
}
