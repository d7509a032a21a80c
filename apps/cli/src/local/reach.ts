/**
 * NATS and Postgres for commands that work on them directly: what the environment names, else the servers of the `waybill up`
 * that runs in this home.
 */
import { type Journal, natsSettings, openJournal } from '@waybill/journal';
import {
  type Clock,
  commonSettings,
  createLogger,
  type Logger,
  natsVariables,
  readConfig,
  systemClock,
} from '@waybill/process';
import { connectReadModel, type ReadModel } from '@waybill/readmodel';
import { z } from 'zod';
import { CliError, exits } from '../cli-error.ts';
import { homeFolder, readLocalServers } from '../credentials.ts';
import type { Invocation } from '../invocation.ts';

const Servers = z.object({ ...natsVariables, DATABASE_URL: commonSettings.DATABASE_URL });
export type ServersConfig = Readonly<z.infer<typeof Servers>>;

export type Reachable = Readonly<{
  config: ServersConfig;
  home: string;
  monitorUrl: string | undefined;
}>;
export type Reached = Readonly<{ journal: Journal; model: ReadModel; clock: Clock; log: Logger }>;

export async function reachable({ terminal, options }: Invocation): Promise<Reachable> {
  const { env, cwd } = terminal;
  const home = homeFolder(
    typeof options['home'] === 'string' ? options['home'] : env['WAYBILL_HOME'],
    cwd,
  );
  const given =
    env['NATS_URL'] !== undefined ||
    env['NATS_URL_FILE'] !== undefined ||
    env['DATABASE_URL'] !== undefined;
  const local = given ? undefined : await readLocalServers(home);
  if (!given && local === undefined) {
    throw new CliError(
      exits.unavailable,
      `no servers: nothing runs in ${home}. Start \`waybill up\`, or name the servers with NATS_URL and DATABASE_URL.`,
    );
  }
  return {
    config: readConfig(Servers, { ...env, ...local }),
    home,
    monitorUrl: local?.['monitorUrl'],
  };
}

/** Opens both, does the work, and closes both whatever happens. */
export async function withServers<T>(
  invocation: Invocation,
  work: (reached: Reached) => Promise<T>,
): Promise<T> {
  const { config } = await reachable(invocation);
  const log = createLogger({ name: 'waybill', level: 'silent' });
  const clock = systemClock;
  const journal = await openJournal({
    nats: natsSettings(config),
    name: 'waybill-cli',
    clock,
    log,
  });
  const model = connectReadModel({ databaseUrl: config.DATABASE_URL, log });
  try {
    return await work({ journal, model, clock, log });
  } catch (error) {
    throw isRefusedConnection(error)
      ? new CliError(
          exits.unavailable,
          'Postgres cannot be reached: check DATABASE_URL and whether it runs.',
          { cause: error },
        )
      : error;
  } finally {
    await Promise.allSettled([journal.close(), model.close()]);
  }
}

const isRefusedConnection = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'ECONNRESET', '57P03'].includes(
    String(error.code),
  );
