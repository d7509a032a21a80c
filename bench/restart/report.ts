/** What the restarts say, as tables: medians, and ratios to the floor of the same round. Pure. */
import { ratios, spread } from '../measure/statistics.ts';
import { type TableRow, table, withRange } from '../measure/table.ts';
import { folders, type Restarts, type Save, type Start, type Starter } from './restarts.ts';
import { jobsIn } from './shape.ts';

export const restartTables = (all: readonly Restarts[]): string =>
  [
    table('Ready, since the process began', all.flatMap(startRows)),
    table('Bytes a job', all.flatMap(memoryRows)),
    table('Saving a snapshot', all.flatMap(saveRows)),
  ].join('\n');

const named = ({ shape }: Restarts, starter: Starter): TableRow => ({
  'live jobs': `${jobsIn(shape).toLocaleString('en-US')} ${shape.name}`,
  process: starter,
});

type Figure = (start: Start) => number;
const readyS: Figure = ({ readyMs }) => readyMs / 1_000;
const cpuS: Figure = ({ cpuMs }) => cpuMs / 1_000;

/** In the order of rounds, so that those of two starters pair. */
const values = (of: Restarts, starter: Starter, from: Start['from'], figure: Figure) =>
  of.starts
    .filter((start) => start.starter === starter && start.from === from)
    .toSorted((a, b) => a.rep - b.rep)
    .map(figure);

function startRows(of: Restarts): readonly TableRow[] {
  return (['bare read', ...folders] as const).map((starter) => {
    const told = (from: Start['from'], figure: Figure): string =>
      withRange(spread(values(of, starter, from, figure)));
    const xOfFloor = (from: Start['from']): string =>
      withRange(
        spread(ratios(values(of, starter, from, readyS), values(of, 'bare read', from, readyS))),
      );
    const isFloor = starter === 'bare read';
    return {
      ...named(of, starter),
      'from the log, s': told('log', readyS),
      'x of bare read': xOfFloor('log'),
      'CPU, s': told('log', cpuS),
      // A bare read of the log stands beside both.
      'from a snapshot, s': isFloor ? '-' : told('snapshot', readyS),
      'x of a bare read': isFloor ? '-' : xOfFloor('snapshot'),
      'its CPU, s': isFloor ? '-' : told('snapshot', cpuS),
    };
  });
}

function memoryRows(of: Restarts): readonly TableRow[] {
  const saved = of.saves.flatMap(({ bytesPerJob }) => bytesPerJob ?? []);
  return folders.map((starter) => {
    const held = (from: Start['from']): string =>
      withRange(spread(values(of, starter, from, ({ bytesPerJob }) => bytesPerJob)));
    return {
      ...named(of, starter),
      'in memory, from the log': held('log'),
      'in memory, from a snapshot': held('snapshot'),
      'in the snapshot of the runs': withRange(spread(saved)),
      'in the log': of.logBytesPerJob,
    };
  });
}

function saveRows(of: Restarts): readonly TableRow[] {
  return folders.map((starter) => {
    const figure = (value: (save: Save) => number | undefined): string =>
      withRange(
        spread(
          of.saves
            .filter((save) => save.starter === starter)
            .map((save) => value(save) ?? Number.NaN),
        ),
      );
    return {
      ...named(of, starter),
      'saved in s': figure(({ saveMs }) => saveMs && saveMs / 1_000),
      'longest block, ms of CPU': figure(({ blockedMs }) => blockedMs),
    };
  });
}
