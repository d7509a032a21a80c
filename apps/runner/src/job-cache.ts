/**
 * The caches that a job declares: put back before its steps, saved after them where they were not found under their very key.
 * A cache only saves time: whatever goes wrong with one is told in the log and is no failure.
 */
import { lstat, rm } from 'node:fs/promises';
import path from 'node:path';
import { safeError } from '@waybill/process';
import { pack, unpack } from './archive.ts';
import { hashFiles } from './content-hash.ts';
import { download } from './download.ts';
import type { CachePlan, JobPlan } from './job-plan.ts';
import type { StepContext } from './step-run.ts';
import { fill } from './template.ts';
import { timeLimit } from './time-limit.ts';
import type { Workspace } from './work-folder.ts';

export type JobCaches = Readonly<{ restore(): Promise<void>; save(): Promise<void> }>;

const preparation = -1;
const cacheBytesMax = 5_368_709_120;
const withinMs = 600_000;

type Known = CachePlan & Readonly<{ isExact: boolean }>;

export function createCaches(plan: JobPlan, context: StepContext): JobCaches {
  const { job, workspace, mask } = context;
  const known: Known[] = [];
  const say = (line: string): void => job.log(preparation, [mask.hide(line)]);
  const guarded = async (what: string, work: () => Promise<void>): Promise<void> => {
    try {
      if (!context.signal.aborted) await work();
    } catch (error) {
      say(`${what}: ${safeError(error).message}`);
    }
  };
  const filled = (text: string): Promise<string> =>
    fill(text, {
      hashFiles: (patterns) => hashFiles(workspace.work, patterns),
      matrix: plan.matrixValues,
      env: plan.env,
      runner: { os: process.platform, arch: process.arch },
    });
  const fetchInto = async (url: string, sha256: string | undefined): Promise<void> => {
    const file = path.join(workspace.files, 'cache.tar.gz');
    const { clock, signal: parent } = context;
    const limit = timeLimit({ clock, parent, what: 'download', limitMs: withinMs });
    try {
      const { signal } = limit;
      const reached = job.reachable(url);
      await download({ url: reached, file, sha256, bytesMax: cacheBytesMax, signal });
      await unpack(file, rootOf(workspace), { roots: ['work', 'home'] });
    } finally {
      limit.cancel();
      await rm(file, { force: true });
    }
  };
  const restore = async (cache: CachePlan): Promise<void> => {
    const key = await filled(cache.key);
    const restoreKeys = await Promise.all(cache.restoreKeys.map(filled));
    const { paths } = cache;
    const at = known.push({ key, restoreKeys, paths, isExact: false }) - 1;
    const hit = await job.cache.restore(key, restoreKeys);
    if (hit === undefined) return say(`Cache not found: ${key}`);
    await fetchInto(hit.downloadUrl, hit.tarHash);
    known[at] = { key, restoreKeys, paths, isExact: hit.matchedKey === key };
    say(`Cache restored: ${hit.matchedKey}`);
  };
  const save = async ({ key, paths, isExact }: Known): Promise<void> => {
    if (isExact) return;
    const names = await namesOf(paths, workspace);
    if (names.length === 0) return say(`Cache not saved, there is nothing to save: ${key}`);
    const slot = await job.cache.save(key);
    if (slot === undefined) return say(`Cache not saved, it is there already: ${key}`);
    const file = path.join(workspace.files, 'cache.tar.gz');
    try {
      await pack(file, rootOf(workspace), names);
      await slot.put(file);
    } finally {
      await rm(file, { force: true });
    }
    say(`Cache saved: ${key}`);
  };

  return {
    restore: async () => {
      for (const cache of plan.caches)
        await guarded(`Cache not restored: ${cache.key}`, () => restore(cache));
    },
    save: async () => {
      for (const cache of known) await guarded(`Cache not saved: ${cache.key}`, () => save(cache));
    },
  };
}

/** What is common to the workspace and the job's home. */
const rootOf = ({ work }: Workspace): string => path.dirname(work);

/** Those that are there, relative to the root. */
async function namesOf(paths: readonly string[], workspace: Workspace): Promise<readonly string[]> {
  const { work, home } = workspace;
  const names: string[] = [];
  for (const given of paths) {
    const base = given.startsWith('~/') ? home : work;
    const whole = path.resolve(base, given.startsWith('~/') ? given.slice(2) : given);
    if (whole !== base && !whole.startsWith(`${base}${path.sep}`))
      throw new Error(`"${given}" is neither in the workspace nor in the home of the job`);
    const there = await lstat(whole).catch(() => undefined);
    if (there !== undefined) names.push(path.relative(rootOf(workspace), whole));
  }
  return names;
}
