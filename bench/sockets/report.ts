/** What the sockets say, as tables: medians, and ratios taken within a round. Pure. */
import { ratios, spread } from '../measure/statistics.ts';
import { type TableRow, table, withRange } from '../measure/table.ts';
import { type Held, type Holder, holders } from './memory.ts';
import { type Company, company, type Round } from './slow-readers.ts';
import type { Sockets } from './sockets.ts';
import type { Storm } from './storm.ts';

export const socketTables = ({ memory, storm, rounds, frozen, rate }: Sockets): string =>
  [
    table('Memory of an idle agent', memoryRows(memory)),
    table('All agents come back at once', [stormRow(storm)]),
    table(`Dispatch at ${rate} a second, beside ${frozen} agents that do not read`, rows(rounds)),
  ].join('\n');

const ofHolder = (memory: readonly Held[], holder: Holder, figure: (held: Held) => number) =>
  memory
    .filter((held) => held.holder === holder)
    .toSorted((a, b) => a.rep - b.rep)
    .map(figure);

function memoryRows(memory: readonly Held[]): readonly TableRow[] {
  const rss = ({ rssBytesEach }: Held): number => rssBytesEach;
  const held = ({ heldBytesEach }: Held): number => heldBytesEach;
  return holders.map((holder) => {
    const told = (figure: (held: Held) => number): string =>
      withRange(spread(ofHolder(memory, holder, figure)));
    const xOfBare = (figure: (held: Held) => number): string =>
      withRange(
        spread(ratios(ofHolder(memory, holder, figure), ofHolder(memory, 'bare ws', figure))),
      );
    return {
      process: holder,
      agents: memory.find((each) => each.holder === holder)?.agents ?? 0,
      'rss, bytes each': told(rss),
      'x of bare ws': xOfBare(rss),
      'heap and buffers, bytes each': told(held),
      'x of a bare ws': xOfBare(held),
      'process, MiB': told(({ rssBytes }) => rssBytes / 2 ** 20),
    };
  });
}

const stormRow = (storm: Storm): TableRow => ({
  agents: storm.agents,
  'first connected in s': storm.connectMs / 1_000,
  'gateway open again after s': storm.readyMs / 1_000,
  'all back after s': storm.backMs / 1_000,
  dials: storm.dials,
  refused: storm.refused,
  'jobs at work': storm.jobs,
  lost: storm.lost,
  anomalies: storm.anomalies,
});

function rows(rounds: readonly Round[]): readonly TableRow[] {
  const figures = (of: Company, figure: (round: Round) => number): readonly number[] =>
    rounds
      .filter((round) => round.company === of)
      .toSorted((a, b) => a.rep - b.rep)
      .map(figure);
  const p99 = ({ p99Ms }: Round): number => p99Ms;
  return company.map((of) => ({
    agents: of === 'alone' ? 'that read, alone' : 'beside those that do not',
    'p50, ms': withRange(spread(figures(of, ({ p50Ms }) => p50Ms))),
    'p99, ms': withRange(spread(figures(of, p99))),
    'p99, x of alone': withRange(spread(ratios(figures(of, p99), figures('alone', p99)))),
  }));
}
