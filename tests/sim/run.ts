/**
 * `npm run sim`: plays seeds and says which are red, which branches they took, and which guards are missed. Exit codes: 0, 1 for a
 * red seed, a branch that was never taken or a guard that nobody misses, 2 for usage.
 */
import { exitCodes, systemClock } from '@waybill/process';
import { absenceOf } from './absent-guards.ts';
import { readArguments, type SimArguments, usage } from './arguments.ts';
import { isProven, type Kill, killTable } from './kill-table.ts';
import { recordedMax, recordKills } from './killing-seeds.ts';
import type { Played } from './messages.ts';
import { playAll, seedsFrom } from './pool.ts';
import { branchTable, killLine, killText, redText } from './report.ts';
import { missing } from './required-branches.ts';

const say = (line: string): void => void process.stderr.write(`${line}\n`);
const print = (text: string): void => void process.stdout.write(`${text}\n`);
const sayEveryMs = 5_000;

type Summary = Readonly<{
  played: number;
  red: readonly Played[];
  branches: Readonly<Record<string, number>>;
  /** Of all traces, by their seeds. */
  hashes: Readonly<Record<number, string>>;
  seedsPerSecond: number;
}>;

async function playSeeds(o: SimArguments): Promise<Summary> {
  const { from, seeds, workers, trace: keepsTrace } = o;
  const began = systemClock.monotonicMs();
  let saidMs = began;
  const branches: Record<string, number> = {};
  const hashes: Record<number, string> = {};
  let count = 0;
  const red: Played[] = [];
  const rate = (): number => (count * 1_000) / (systemClock.monotonicMs() - began);
  const absent = o.guard === undefined ? undefined : { name: o.guard, ...absenceOf(o.guard) };
  await playAll({
    seeds: seedsFrom(from, seeds),
    workers,
    keepsTrace,
    guard: absent,
    onPlayed: (played) => {
      hashes[played.seed] = played.hash;
      count += 1;
      for (const [name, times] of Object.entries(played.branches))
        branches[name] = (branches[name] ?? 0) + times;
      if (keepsTrace) print(played.trace.join('\n'));
      if (played.findings.length > 0) {
        red.push(played);
        say(redText(played, o.guard));
      }
      const nowMs = systemClock.monotonicMs();
      if (nowMs - saidMs > sayEveryMs) {
        saidMs = nowMs;
        say(`${count} of ${seeds} seeds, ${red.length} red, ${rate().toFixed(1)} a second`);
      }
      return o.all || red.length === 0;
    },
  });
  return { played: count, red, branches, hashes, seedsPerSecond: rate() };
}

async function run(o: SimArguments): Promise<boolean> {
  // A guard alone asks for its line in the table; with one seed, for what happens without it.
  if (o.guard !== undefined && o.seeds > 1) return show(o, { kills: await tableOf(o) });
  const summary = await playSeeds(o);
  const lacking = o.guard === undefined ? missing(summary.branches, summary.played) : [];
  const kills = o.guards && summary.red.length === 0 ? await tableOf(o) : [];
  return show(o, { summary, lacking, kills });
}

async function tableOf(o: SimArguments): Promise<readonly Kill[]> {
  const { workers, guard } = o;
  const seeds = seedsFrom(o.from, o.guardSeeds);
  const wanted = o.record ? recordedMax : 1;
  const kills = await killTable({ seeds, workers, guard, wanted }, (kill) => say(killLine(kill)));
  if (o.record) recordKills(kills);
  return kills;
}

type Shown = Readonly<{ summary?: Summary; lacking?: readonly string[]; kills: readonly Kill[] }>;

/** Whether all is as it should be. */
function show(o: SimArguments, { summary, lacking = [], kills }: Shown): boolean {
  if (o.json) print(JSON.stringify({ ...summary, lacking, kills }));
  else print(summaryText(o, summary, lacking));
  if (kills.length > 0 && !o.json) print(killText(kills));
  const isGreen = summary === undefined || summary.red.length === 0;
  return isGreen && lacking.length === 0 && kills.every(isProven);
}

function summaryText(
  { from }: SimArguments,
  summary: Summary | undefined,
  lacking: readonly string[],
): string {
  if (summary === undefined) return '';
  const { played, red, branches, hashes, seedsPerSecond } = summary;
  const [one] = Object.entries(hashes);
  return [
    branchTable(branches),
    `${played} seeds from ${from}, ${red.length} red, ${seedsPerSecond.toFixed(1)} a second`,
    ...(played === 1 && one !== undefined ? [`seed ${one[0]}: trace ${one[1]}`] : []),
    ...(lacking.length > 0 ? [`never taken: ${lacking.join(', ')}`] : []),
  ].join('\n');
}

const read = readArguments(process.argv.slice(2));
switch (read.kind) {
  case 'help':
    print(usage);
    break;
  case 'mistake':
    say(`sim: ${read.problem}\n\n${usage}`);
    process.exitCode = exitCodes.usage;
    break;
  case 'run':
    process.exitCode = (await run(read.arguments)) ? 0 : exitCodes.failure;
    break;
}
