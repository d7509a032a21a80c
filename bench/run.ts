/**
 * `npm run bench -- <suite>`: measures on real servers of its own, prints tables or JSON, and keeps
 * the numbers in `bench/results/`. Exit codes: 0, 1 for a run that failed or was wrong, 2 for usage.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, loadavg, totalmem } from 'node:os';
import path from 'node:path';
import { startTestServers } from '@waybill/embedded';
import { exitCodes, systemClock } from '@waybill/process';
import { type BenchArguments, readArguments, usage } from './arguments.ts';
import { type Context, compare } from './e2e/comparison.ts';
import { profileRuns, profileTables } from './e2e/profile-run.ts';
import { report, tables } from './e2e/report.ts';
import { restartTables } from './restart/report.ts';
import { type Context as RestartContext, restarts } from './restart/restarts.ts';
import { socketTables } from './sockets/report.ts';
import { sockets } from './sockets/sockets.ts';

const results = path.join(import.meta.dirname, 'results');

const say = (line: string): void => void process.stderr.write(`${line}\n`);
const print = (text: string): void => void process.stdout.write(`${text}\n`);

function machine(): Readonly<Record<string, string | number>> {
  const cores = cpus();
  return {
    date: new Date(systemClock.now()).toISOString(),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cores: cores.length,
    processor: cores[0]?.model.trim() ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 2 ** 30),
  };
}

type Output = Readonly<{
  about: Readonly<{ machine: ReturnType<typeof machine> }>;
  show(text: string): void;
  /** Keeps the numbers, and gives them as JSON. */
  keep(document: object): Promise<string>;
}>;

function outputOf(o: BenchArguments): Output {
  const about = { suite: o.suite, arguments: o, machine: machine() };
  return {
    about,
    show: (text) => (o.json ? undefined : print(text)),
    keep: async (document) => {
      const json = JSON.stringify({ ...about, ...document }, undefined, 1);
      if (!o.quick) await writeFile(path.join(results, `${o.suite}.json`), json);
      return json;
    },
  };
}

async function e2e(o: BenchArguments, context: Context): Promise<void> {
  const { about, show, keep } = outputOf(o);
  const runs = await compare(o, context);
  const compared = { classes: report(runs), runs };
  let json = await keep(compared);
  show(`\n${headline(about.machine, o.reps, new Set(runs.map(({ rep }) => rep)).size)}\n`);
  show(tables(compared.classes));
  if (o.profile) {
    const profiles = await profileRuns(o, context, results);
    json = await keep({ ...compared, profiles });
    for (const profile of profiles) show(profileTables(profile));
  }
  if (o.json) print(json);
}

async function restart(o: BenchArguments, context: RestartContext): Promise<void> {
  const { about, show, keep } = outputOf(o);
  const all = await restarts(o, context);
  const json = await keep({ restarts: all });
  show(`\n${factsOf(about.machine)}\nmedians (min-max) of ${o.reps} starts\n`);
  show(restartTables(all));
  if (o.json) print(json);
}

async function allSockets(o: BenchArguments, context: RestartContext): Promise<void> {
  const { about, show, keep } = outputOf(o);
  const all = await sockets(o, context);
  const json = await keep({ load: loadavg(), sockets: all });
  show(
    `\n${factsOf(about.machine)}\nload at the end ${loadavg()
      .map((each) => each.toFixed(1))
      .join(', ')}\nmedians (min-max) of ${o.reps} rounds\n`,
  );
  show(socketTables(all));
  if (all.storm.lost > 0) throw new Error(`${all.storm.lost} jobs were lost`);
  if (o.json) print(json);
}

const factsOf = (of: ReturnType<typeof machine>): string =>
  Object.entries(of)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');

function headline(of: ReturnType<typeof machine>, asked: number, done: number): string {
  const short = done < asked ? `; there was no time for ${asked}` : '';
  return `${factsOf(of)}\nmedians (min-max) of ${done} alternating repetitions${short}`;
}

async function run(o: BenchArguments): Promise<void> {
  const stop = new AbortController();
  const onSignal = (): void => stop.abort(new Error('stopped'));
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  await mkdir(results, { recursive: true });
  const natsServerBin = process.env['NATS_SERVER_BIN'];
  const context = { natsServerBin, signal: stop.signal, say };
  if (o.suite === 'restart') return restart(o, context);
  if (o.suite === 'sockets') return allSockets(o, context);
  const servers = await startTestServers({ nats: false });
  try {
    await e2e(o, { ...context, postgres: servers.postgres });
  } finally {
    await servers.stop();
  }
}

const read = readArguments(process.argv.slice(2));
switch (read.kind) {
  case 'help':
    print(usage);
    break;
  case 'mistake':
    say(`bench: ${read.problem}\n\n${usage}`);
    process.exitCode = exitCodes.usage;
    break;
  case 'run':
    await run(read.arguments).catch((error: unknown) => {
      say(`bench: ${error instanceof Error ? error.message : String(error)}`);
      process.exitCode = exitCodes.failure;
    });
    break;
}
