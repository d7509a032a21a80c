/**
 * One server process of ours, from its start to its end. It runs in a session of its own, so Ctrl-C in the
 * terminal and the death of Waybill leave it alone; a later start finds it by its command line and either
 * adopts it or ends it first. Two servers never run on one folder.
 */
import { EmbeddedError } from './embedded-error.ts';
import { isAlive, processesWith } from './process-table.ts';
import { type EndingStep, end, type Program, send, spawnServer } from './server-process.ts';
import { until } from './wait.ts';

export type Recipe<Ready> = Program &
  Readonly<{
    /** A part of the command line that only our server on this very folder has. */
    marker: string;
    /** Answers with our credentials. Undefined: not yet. Throws: never will. */
    probe(): Promise<Ready | undefined>;
    /** Signals to end it with, each with the time it gets. */
    ending: readonly EndingStep[];
    /** What in its log says that the same start may work in a moment. */
    passing: RegExp | undefined;
  }>;

export type Supervised<Ready> = Readonly<{
  ready: Ready;
  readonly pid: number;
  signal(signal: NodeJS.Signals): void;
  /** SIGKILL, and it is gone when this resolves. */
  kill(): Promise<void>;
  /** Ends it if it still runs and starts it again as it was, on the same ports. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}>;

export class AddressInUse extends Error {}

const startWithinMs = 120_000;
const adoptWithinMs = 10_000;
const passingWithinMs = 30_000;

/** Takes over the server a dead Waybill has left, if it is exactly the one we would start; ends any other. */
export async function adopt<Ready>(
  recipe: Recipe<Ready>,
  unchanged: boolean,
): Promise<Supervised<Ready> | undefined> {
  const left = await processesWith(recipe.marker);
  const [only] = left;
  if (unchanged && left.length === 1 && only?.commandLine.endsWith(recipe.args.join(' '))) {
    const ready = await firstAnswer(recipe, only.pid, adoptWithinMs).catch(() => undefined);
    if (ready !== undefined) {
      recipe.say(`${recipe.name} was still running (process ${only.pid}): taken over.`);
      return supervised(recipe, { pid: only.pid, ready });
    }
  }
  for (const { pid } of left) {
    recipe.say(`${recipe.name} was left running (process ${pid}): ending it.`);
    await end(pid, recipe.ending);
  }
  return undefined;
}

export async function start<Ready>(recipe: Recipe<Ready>): Promise<Supervised<Ready>> {
  return supervised(recipe, await launch(recipe));
}

type Life<Ready> = Readonly<{ pid: number; ready: Ready }>;

function supervised<Ready>(recipe: Recipe<Ready>, first: Life<Ready>): Supervised<Ready> {
  let pid = first.pid;
  let stopped: Promise<void> | undefined;
  return {
    ready: first.ready,
    get pid() {
      return pid;
    },
    signal: (signal) => {
      send(pid, signal);
    },
    kill: () => end(pid, [{ signal: 'SIGKILL', withinMs: 10_000 }]),
    restart: async () => {
      await end(pid, recipe.ending);
      ({ pid } = await launch(recipe));
      stopped = undefined;
    },
    stop: () => {
      stopped ??= end(pid, recipe.ending);
      return stopped;
    },
  };
}

async function launch<Ready>(recipe: Recipe<Ready>): Promise<Life<Ready>> {
  // After a crash of Postgres its old backends may outlive it by a little, and hold its memory.
  const life = await until({ withinMs: passingWithinMs, everyMs: 200 }, async () => {
    const { pid, said, watch } = await spawnServer(recipe);
    try {
      const ready = await firstAnswer(recipe, pid, startWithinMs);
      if (ready !== undefined) {
        watch();
        return { pid, ready };
      }
    } catch (error) {
      await end(pid, recipe.ending);
      throw error;
    }
    const died = !isAlive(pid);
    await end(pid, recipe.ending);
    const log = await said();
    if (recipe.passing?.test(log)) return undefined;
    if (/address already in use/i.test(log)) throw new AddressInUse(recipe.name);
    throw startFailed(recipe, died ? 'ended at once' : 'does not answer', log);
  });
  if (life === undefined)
    throw startFailed(recipe, 'did not start: what an earlier one has left does not go away', '');
  return life;
}

async function firstAnswer<Ready>(
  recipe: Recipe<Ready>,
  pid: number,
  withinMs: number,
): Promise<Ready | undefined> {
  const answer = await until({ withinMs }, async () => {
    const ready = await recipe.probe();
    if (ready !== undefined) return { ready };
    return isAlive(pid) ? undefined : { ready: undefined };
  });
  return answer?.ready;
}

function startFailed(recipe: Recipe<unknown>, what: string, said: string): EmbeddedError {
  const last = said.trim().split('\n').slice(-6).join('\n');
  return new EmbeddedError(
    'start-failed',
    `${recipe.name} ${what}. Its log is ${recipe.logFile}; it ends with:\n${last}`,
  );
}
