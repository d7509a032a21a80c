/** What the restarts say, as tables. Pure. */
import { spread } from '../measure/statistics.ts';
import { type TableRow, table, withRange } from '../measure/table.ts';
import type { Restarts, Save, Start } from './restarts.ts';
import { jobsIn } from './shape.ts';

export const restartTables = (all: readonly Restarts[]): string =>
  [
    table('Ready, in s from the start of the process, and memory a job', all.flatMap(startRows)),
    table('Saving a snapshot', all.flatMap(saveRows)),
  ].join('\n');

const named = ({ shape, folder }: Restarts): TableRow => ({
  process: folder,
  'live jobs': `${jobsIn(shape).toLocaleString('en-US')}, ${shape.name}`,
});

function startRows(of: Restarts): readonly TableRow[] {
  const figure = (from: Start['from'], value: (start: Start) => number): string =>
    withRange(spread(of.starts.filter((start) => start.from === from).map(value)));
  return [
    {
      ...named(of),
      'from the log, s': figure('log', ({ readyMs }) => readyMs / 1_000),
      'from a snapshot, s': figure('snapshot', ({ readyMs }) => readyMs / 1_000),
      'CPU, s': figure('snapshot', ({ cpuMs }) => cpuMs / 1_000),
      'bytes a job, from the log': figure('log', ({ bytesPerJob }) => bytesPerJob),
      'from a snapshot': figure('snapshot', ({ bytesPerJob }) => bytesPerJob),
      'in the log': of.logBytesPerJob,
    },
  ];
}

function saveRows(of: Restarts): readonly TableRow[] {
  const figure = (value: (save: Save) => number | undefined): string =>
    withRange(spread(of.saves.map((save) => value(save) ?? Number.NaN)));
  return [
    {
      ...named(of),
      'bytes a job': figure(({ bytesPerJob }) => bytesPerJob),
      'saved in s': figure(({ saveMs }) => saveMs && saveMs / 1_000),
      'longest block, ms of CPU': figure(({ blockedMs }) => blockedMs),
    },
  ];
}
