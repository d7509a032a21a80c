/**
 * One run of the whole service under the CPU profiler, at a fixed rate and flat out, and what of it
 * is worth reading. The two differ: a lone job pays for every wake-up, batch and system call itself.
 */

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { BenchArguments } from '../arguments.ts';
import type { Load } from '../measure/load.ts';
import type { Measured, Pipeline } from '../measure/pipeline.ts';
import { type TableRow, table } from '../measure/table.ts';
import { type ProfileSummary, readProfile, type Share, summarise } from '../profile.ts';
import { type Context, pacedJobs, withPipeline } from './comparison.ts';
import { e2ePlan } from './plan.ts';

export type ProfileRun = Readonly<{ file: string; measured: Measured; summary: ProfileSummary }>;

const warmUpJobs = 300;

/** The profiles themselves stay in `folder`, for developer tools. */
export function profileRuns(
  { jobs, rates }: BenchArguments,
  context: Context,
  folder: string,
): Promise<readonly ProfileRun[]> {
  const [rate] = rates;
  const paced: readonly Load[] = rate === undefined ? [] : [{ jobs: pacedJobs(rate), rate }];
  return withPipeline(e2ePlan, 'fast', context, async (pipeline) => {
    await pipeline.measure({ jobs: warmUpJobs });
    const runs: ProfileRun[] = [];
    for (const load of [...paced, { jobs }]) runs.push(await profileOf(pipeline, load, folder));
    await pipeline.verify();
    return runs;
  });
}

async function profileOf(
  { service, measure }: Pipeline,
  load: Load,
  folder: string,
): Promise<ProfileRun> {
  const file = path.join(folder, `e2e-service-${nameOf(load).replaceAll(/\W+/g, '-')}.cpuprofile`);
  await service.ask('start profile', z.unknown());
  const measured = await measure(load);
  await service.ask('stop profile', z.unknown(), { body: file });
  return { file, measured, summary: summarise(readProfile(await readFile(file, 'utf8'))) };
}

const nameOf = ({ rate }: Readonly<{ rate?: number | undefined }>): string =>
  rate === undefined ? 'flat out' : `${rate} a second`;

export function profileTables({ measured, summary }: ProfileRun): string {
  const cpu = measured.cpuMicros?.service;
  const rows = (what: string, shares: readonly Share[], count: number): readonly TableRow[] =>
    shares.slice(0, count).map(({ name, share }) => ({
      [what]: name,
      '%': share * 100,
      // Of the CPU that the process really used: the profiler itself samples time, waiting included.
      ...(cpu === undefined ? {} : { 'CPU µs per job': share * cpu }),
    }));
  const load = nameOf(measured);
  return [
    table(`The service ${load}, by whom the work is done for`, rows('owner', summary.owners, 14)),
    table(`The service ${load}, self time by package`, rows('package', summary.packages, 20)),
    table(`The service ${load}, self time by function`, rows('function', summary.functions, 24)),
    table(
      `The service ${load}, our functions with all below them (shares overlap)`,
      rows('function', summary.inclusive, 36),
    ),
  ].join('\n');
}
