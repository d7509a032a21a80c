/**
 * `waybill start`, which is `npm start`: everything up with a runner, then the main job, shown. Stays up after it; with
 * `--once` it ends when the record is sealed, and says with its exit code whether it was.
 */
import { createLogger, type Running, systemClock } from '@waybill/process';
import { connectReadModel, type ReadModel } from '@waybill/readmodel';
import { CliError, exits } from '../cli-error.ts';
import { homeFolder } from '../credentials.ts';
import { demonstrate } from '../demo/demonstration.ts';
import { explain } from '../explanation.ts';
import type { Command } from '../invocation.ts';
import { type AllInOne, startAllInOne } from '../local/all-in-one.ts';
import { openLogFile } from '../local/log-file.ts';
import { placesText } from '../local/places-text.ts';
import { live } from '../local/up-life.ts';
import { readUpSettings } from '../local/up-settings.ts';
import type { Signals, Terminal } from '../terminal.ts';

const demonstrationMs = 120_000;

export const start: Command = async (invocation) => {
  const { terminal, options } = invocation;
  const { config, home } = readUpSettings(invocation);
  const once = options['once'] === true;
  const logFile = openLogFile(home);
  const log = createLogger({
    name: 'waybill',
    level: config.LOG_LEVEL,
    destination: logFile.stream,
  });
  const ending = endable(terminal);
  let demonstrated: number = exits.interrupted;
  terminal.err(
    `${terminal.styleErr('bold', 'Waybill')}: servers, services and a runner are starting …\n`,
  );
  return live({
    terminal: ending.terminal,
    log,
    start: async (signal) => {
      const all = await startAllInOne({
        config,
        home,
        env: terminal.env,
        runner: true,
        scaler: false,
        clock: systemClock,
        log,
        signal,
        say: (line) => terminal.err(`  ${terminal.styleErr('dim', line)}\n`),
        write: logFile.write,
      });
      const stopping = new AbortController();
      void show({ all, terminal, once, stopping: stopping.signal }).then(
        (code) => {
          demonstrated = code;
          if (once) ending.end();
          else terminal.out(nextText(all, terminal));
        },
        (error: unknown) => {
          if (stopping.signal.aborted) return;
          demonstrated = explain(error, terminal) || exits.failure;
          terminal.err(`waybill: the log is ${logFile.path}\n`);
          if (once) ending.end();
        },
      );
      return abortedFirst(all.running, stopping);
    },
    // A person who stops it has seen enough; `--once` promises the record, and was then interrupted.
    exitCode: (code) => (code === exits.ok && once ? demonstrated : code),
  });
};

/** Watching ends before what is watched does. */
const abortedFirst = (running: Running, stopping: AbortController): Running => ({
  failed: running.failed,
  stop: () => {
    stopping.abort(new Error('Waybill is stopping'));
    return running.stop();
  },
});

type Showing = Readonly<{
  all: AllInOne;
  terminal: Terminal;
  once: boolean;
  stopping: AbortSignal;
}>;

async function show({ all, terminal, once, stopping }: Showing): Promise<number> {
  const late = new AbortController();
  const timer = systemClock.after(
    demonstrationMs,
    () =>
      late.abort(
        new CliError(
          exits.failure,
          `there is no sealed record after ${demonstrationMs / 1_000} s.`,
        ),
      ),
    { background: true },
  );
  const log = createLogger({ name: 'waybill', level: 'silent' });
  const model = connectReadModel({
    databaseUrl: all.environment['DATABASE_URL'] ?? '',
    log,
    max: 2,
  });
  try {
    const count = await recordCount(model, all.identity.credentials.org);
    if (count > 0)
      terminal.err(
        `  ${terminal.styleErr('dim', `Found ${count === 1 ? '1 earlier run' : `${count} earlier runs`} in ${all.home}.`)}\n`,
      );
    terminal.out(`\n${terminal.style('bold', 'A push becomes a run')}\n\n`);
    const signal = AbortSignal.any([stopping, late.signal]);
    const { runId, state } = await demonstrate({
      all,
      model,
      terminal,
      clock: systemClock,
      signal,
    });
    terminal.out(`\n${terminal.style('bold', 'Where everything is')}\n\n${placesText(all)}`);
    terminal.out(
      `\n${terminal.style('bold', once ? 'What to try after the next npm start' : 'What to try next')}\n\n${commandsText(all, runId, terminal)}\n`,
    );
    if (state === 'success') return exits.ok;
    terminal.err(`waybill: the run ended as ${state}\n`);
    return exits.failure;
  } finally {
    timer.cancel();
    await model.close();
  }
}

async function recordCount({ db }: ReadModel, org: string): Promise<number> {
  const { count } = await db
    .selectFrom('run_records')
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .where('org', '=', org)
    .executeTakeFirstOrThrow();
  return Number(count);
}

const nextText = ({ url }: AllInOne, { style }: Terminal): string =>
  `${style('dim', `It stays up at ${url}. Ctrl-C stops it; the next npm start finds everything again.`)}\n`;

function commandsText({ home, url }: AllInOne, runId: string, { cwd }: Terminal): string {
  const at = home === homeFolder(undefined, cwd) ? '' : ` --home ${home}`;
  const lines = [
    [`npx waybill runs get ${runId}${at}`, 'the run; with --json, what its record holds'],
    [
      `npx waybill rules apply examples/rules${at}`,
      'two more rules, one of them for triggers by hand:',
    ],
    [`npx waybill trigger --source clock --type nightly${at}`, `and watch it at ${url}/`],
  ] as const;
  const width = Math.max(...lines.map(([command]) => command.length));
  return lines.map(([command, what]) => `  ${command.padEnd(width)}  # ${what}\n`).join('');
}

/** The terminal with one more way to end: as if the process had been told to. */
function endable(terminal: Terminal): Readonly<{ terminal: Terminal; end: () => void }> {
  const listeners = new Set<() => void>();
  let ended = false;
  const signals: Signals = {
    on: (event, listener) => {
      if (event === 'SIGTERM') {
        listeners.add(listener);
        if (ended) listener();
      }
      return terminal.signals.on(event, listener);
    },
    off: (event, listener) => {
      listeners.delete(listener);
      return terminal.signals.off(event, listener);
    },
  };
  const end = (): void => {
    ended = true;
    for (const listener of listeners) listener();
  };
  return { terminal: { ...terminal, signals }, end };
}
