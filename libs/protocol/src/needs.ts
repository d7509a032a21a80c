/**
 * What a job needs of others: whether its needs are met, and whether the needs of a list of jobs make sense at all.
 * Pure: the dispatcher decides by it, the fold judges by it, and the api refuses bad lists with it.
 */
import type { Job } from './job.ts';
import type { JobSpec, Need } from './run-created.ts';
import { isTerminalJob, outcomeOf } from './states.ts';

export type Needs =
  | Readonly<{ kind: 'open'; waitingFor: readonly string[] }>
  | Readonly<{ kind: 'met' }>
  | Readonly<{ kind: 'unmet'; because: readonly string[] }>;

/** By its own name, or by the name under which a matrix made it: then all of them are meant. */
export const isNamed = (spec: JobSpec, name: string): boolean =>
  spec.name === name || spec.group === name;

/** Open until every upstream has ended; met if each ended as the need accepts, else unmet. */
export function needsOf(needs: readonly Need[], jobs: readonly Job[]): Needs {
  const waitingFor: string[] = [];
  const because: string[] = [];
  for (const need of needs) {
    const upstream = jobs.filter(({ spec }) => isNamed(spec, need.job));
    if (upstream.length === 0 || upstream.some(({ state }) => !isTerminalJob(state)))
      waitingFor.push(need.job);
    else
      for (const { spec, state } of upstream) {
        const outcome = outcomeOf(state);
        if (outcome === undefined || !need.on.includes(outcome))
          because.push(`${spec.name} ${state}`);
      }
  }
  if (waitingFor.length > 0) return { kind: 'open', waitingFor };
  return because.length > 0 ? { kind: 'unmet', because } : { kind: 'met' };
}

export type NeedsProblem = Readonly<{
  code: 'duplicate-name' | 'unknown-job' | 'cycle';
  /** Index of the job in the list that it was found at. */
  index: number;
  message: string;
}>;

type Named = Readonly<{ name: string; needs: readonly Readonly<{ job: string }>[] }>;

/** Every mistake in the needs of a list of jobs; a cycle is named by its path. */
export function checkNeeds(jobs: readonly Named[]): readonly NeedsProblem[] {
  const problems: NeedsProblem[] = [];
  const byName = new Map<string, number>();
  for (const [index, job] of jobs.entries()) {
    if (byName.has(job.name))
      problems.push({
        code: 'duplicate-name',
        index,
        message: `two jobs are named "${job.name}"; names must differ`,
      });
    else byName.set(job.name, index);
  }
  for (const [index, job] of jobs.entries())
    for (const need of job.needs)
      if (!byName.has(need.job))
        problems.push({
          code: 'unknown-job',
          index,
          message: `job "${job.name}" needs "${need.job}", which is not a job of this run`,
        });
  return [...problems, ...cycles(jobs, byName)];
}

function cycles(
  jobs: readonly Named[],
  byName: ReadonlyMap<string, number>,
): readonly NeedsProblem[] {
  const problems: NeedsProblem[] = [];
  const done = new Set<string>();
  // Depth first with an explicit path: each cycle is reported once, where the search first closes it.
  const visit = (name: string, path: readonly string[]): void => {
    const start = path.indexOf(name);
    if (start >= 0) {
      const loop = [...path.slice(start), name].join(' -> ');
      problems.push({
        code: 'cycle',
        index: byName.get(name) ?? 0,
        message: `these jobs need each other: ${loop}`,
      });
      return;
    }
    if (done.has(name)) return;
    const needs = jobs[byName.get(name) ?? -1]?.needs ?? [];
    for (const need of new Set(needs.map(({ job }) => job))) visit(need, [...path, name]);
    done.add(name);
  };
  for (const job of jobs) visit(job.name, []);
  return problems;
}
