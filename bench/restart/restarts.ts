/**
 * How long processes that fold the log need to be ready with many live jobs, from the log alone and from a snapshot, beside one
 * that only reads it; and what each job costs them. Every start is a process of its own, and all of them take turns.
 */
import { startTestServers } from '@waybill/embedded';
import { z } from 'zod';
import type { BenchArguments, Durability } from '../arguments.ts';
import { inTurn } from '../measure/alternation.ts';
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

/** The fold by itself, and the services that decide by it. */
export const folders = ['live runs', 'dispatcher', 'scheduler'] as const;
export type Folder = (typeof folders)[number];
/** What is started: the floor reads the same messages, and only that. */
export type Starter = 'bare read' | Folder;

export type Start = Readonly<{
  starter: Starter;
  from: 'log' | 'snapshot';
  rep: number;
  /** Since the process began. */
  readyMs: number;
  /** Of the process, until then: what a busy machine hardly changes. */
  cpuMs: number;
  bytesPerJob: number;
}>;

export type Save = Readonly<{
  starter: Folder;
  /** Undefined where the service saves by itself, at its own time. */
  saveMs: number | undefined;
  bytesPerJob: number | undefined;
  /** The longest time in which nothing else of the process had a turn, in CPU time. */
  blockedMs: number;
}>;

export type Restarts = Readonly<{
  shape: Shape;
  durability: Durability;
  logBytesPerJob: number;
  starts: readonly Start[];
  saves: readonly Save[];
}>;

const startMs = 180_000;
/** It saves within a minute of its lease. */
const savedMs = 90_000;

const Ready = z.object({
  readyMs: z.number(),
  cpuMs: z.number(),
  heldWith: z.number(),
  /** Those of the snapshot; null where there was none. The floor does not say. */
  restoredRuns: z.number().nullish(),
  /** That are live then, where it says. */
  jobs: z.number().optional(),
});
const Saved = z.object({ saveMs: z.number(), savedBytes: z.number(), blockedMs: z.number() });
const SavedItself = z.object({ isSaved: z.boolean(), blockedMs: z.number() });

type Scene = Readonly<{ links: Links; shape: Shape; reps: number; context: Context }>;

export async function restarts(o: BenchArguments, context: Context): Promise<readonly Restarts[]> {
  const [only, ...others] = o.durabilities;
  const durability = others.length === 0 && only !== undefined ? only : 'fast';
  const { natsServerBin, signal } = context;
  const measured: Restarts[] = [];
  for (const shape of shapesOf(o.jobs)) {
    signal.throwIfAborted();
    const servers = await startTestServers({ postgres: false, durability, natsServerBin });
    try {
      const { url, user, password } = servers.nats;
      const links = { nats: { url, user, password }, postgres: { url: '' } };
      const bytes = await fillLog(links, shape, signal);
      context.say(`${shape.name}: ${shape.runs} runs in the log, ${rounded(bytes / 2 ** 20)} MiB`);
      const logBytesPerJob = bytes / jobsIn(shape);
      const figures = await restartsOf({ links, shape, reps: o.reps, context });
      measured.push({ shape, durability, logBytesPerJob, ...figures });
    } finally {
      await servers.stop();
    }
  }
  return measured;
}

async function restartsOf(scene: Scene): Promise<Pick<Restarts, 'starts' | 'saves'>> {
  const starts: Start[] = [];
  const round = async (from: Start['from'], rep: number): Promise<void> => {
    for (const starter of inTurn(['bare read', ...folders] as const, rep))
      await withRole(starter, scene, async (role) => {
        starts.push(await started(role, scene, { starter, from, rep }));
      });
    scene.context.say(`${scene.shape.name}: started from the ${from}, ${rep + 1} of ${scene.reps}`);
  };
  for (let rep = 0; rep < scene.reps; rep++) await round('log', rep);
  const saves = await saveAll(scene);
  for (let rep = 0; rep < scene.reps; rep++) await round('snapshot', rep);
  return { starts, saves };
}

type Turn = Pick<Start, 'starter' | 'from' | 'rep'>;

async function started(role: Role, { links, shape }: Scene, turn: Turn): Promise<Start> {
  const heldBefore = await role.ask('held', z.number());
  const body = { ...links, service: turn.starter };
  const ready = await role.ask('begin', Ready, { body, withinMs: startMs });
  const { readyMs, cpuMs, heldWith, restoredRuns } = ready;
  const expected = turn.from === 'snapshot' ? shape.runs : null;
  if (restoredRuns !== undefined && restoredRuns !== expected)
    throw new Error(`${turn.starter} has restored ${restoredRuns} runs, not ${expected}`);
  if (ready.jobs !== undefined && ready.jobs !== jobsIn(shape))
    throw new Error(`${ready.jobs} jobs are live, not ${jobsIn(shape)}`);
  return { ...turn, readyMs, cpuMs, bytesPerJob: (heldWith - heldBefore) / jobsIn(shape) };
}

/** From the log alone, for there is no snapshot yet. */
async function saveAll(scene: Scene): Promise<readonly Save[]> {
  const saves: Save[] = [];
  const turn = { from: 'log', rep: 0 } as const;
  await withRole('live runs', scene, async (role) => {
    await started(role, scene, { ...turn, starter: 'live runs' });
    for (let rep = 0; rep < scene.reps; rep++) {
      const saved = await role.ask('save', Saved, { withinMs: startMs });
      const { saveMs, savedBytes, blockedMs } = saved;
      const bytesPerJob = savedBytes / jobsIn(scene.shape);
      saves.push({ starter: 'live runs', saveMs, blockedMs, bytesPerJob });
    }
  });
  await withRole('dispatcher', scene, (dispatcher) =>
    withRole('scheduler', scene, async (scheduler) => {
      // One after the other, so that they do not save at the same time either.
      await started(dispatcher, scene, { ...turn, starter: 'dispatcher' });
      await started(scheduler, scene, { ...turn, starter: 'scheduler' });
      const both = { dispatcher, scheduler };
      const waits = (['dispatcher', 'scheduler'] as const).map(async (starter) => ({
        starter,
        saveMs: undefined,
        bytesPerJob: undefined,
        blockedMs: await ownSave(starter, both[starter]),
      }));
      saves.push(...(await Promise.all(waits)));
    }),
  );
  return saves;
}

async function ownSave(starter: Starter, role: Role): Promise<number> {
  const wait = { body: savedMs, withinMs: 2 * savedMs };
  const { isSaved, blockedMs } = await role.ask('saved', SavedItself, wait);
  if (!isSaved) throw new Error(`${starter} has saved no snapshot within ${savedMs} ms`);
  return blockedMs;
}

const files = {
  'bare read': 'bare-read.ts',
  'live runs': 'live-runs.ts',
  dispatcher: 'decider.ts',
  scheduler: 'decider.ts',
} as const satisfies Record<Starter, string>;

async function withRole(
  starter: Starter,
  { context: { signal } }: Scene,
  use: (role: Role) => Promise<void>,
): Promise<void> {
  signal.throwIfAborted();
  const role = startRole(starter, new URL(files[starter], import.meta.url));
  try {
    await use(role);
  } finally {
    await role.quit();
  }
}
