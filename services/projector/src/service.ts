/**
 * The projector: folds the log into Postgres, and writes the record of every run that ends. It decides nothing; its tables
 * can be rebuilt at any time. Two of them are one that works and one that stands by.
 */
import { type Journal, natsSettings, openJournal } from '@waybill/journal';
import { type Objects, objectSettings, openObjects } from '@waybill/objects';
import {
  type Host,
  type KeyRing,
  parseKeyRing,
  type Readiness,
  type Service,
} from '@waybill/process';
import { connectReadModel, migrate, type ReadModel } from '@waybill/readmodel';
import type { Config } from './config.ts';
import { openDeadLetters } from './shell/dead-letter.ts';
import { type LogArchiver, openLogArchiver } from './shell/log-archiver.ts';
import { openSupervisor, type Supervisor } from './shell/supervisor.ts';

export type ProjectorOptions = Readonly<{ schema?: string }>;

export function projectorService(config: Config, host: Host, o: ProjectorOptions = {}): Service {
  const { clock, log } = host;
  let model: ReadModel | undefined;
  let journal: Journal | undefined;
  let supervisor: Supervisor | undefined;
  let objects: Objects | undefined;
  let archiver: LogArchiver | undefined;

  const close = async (): Promise<void> => {
    await Promise.all([supervisor?.stop(), archiver?.stop()]);
    await objects?.close();
    await journal?.close();
    await model?.close();
  };
  return {
    name: 'projector',
    start: async (_signal, fail) => {
      try {
        const ring =
          config.WAYBILL_KEY_RING === undefined
            ? undefined
            : await parseKeyRing(config.WAYBILL_KEY_RING);
        model = connectReadModel({
          databaseUrl: config.DATABASE_URL,
          log,
          ...(o.schema === undefined ? {} : { schema: o.schema }),
        });
        await migrate(model);
        const nats = natsSettings(config);
        journal = await openJournal({ nats, name: 'waybill-projector', clock, log });
        await journal.provision();
        const deadLetters = openDeadLetters({ journal, log, ring });
        supervisor = openSupervisor({ model, journal, deadLetters, clock, log, onFailure: fail });
        await supervisor.started;
        if (ring === undefined) return;
        objects = await openArchive(config, { journal, ring, clock, log });
        archiver = await openLogArchiver({
          journal,
          objects,
          delayMs: config.WAYBILL_LOG_ARCHIVE_DELAY,
          clock,
          log,
          onFailure: fail,
        });
      } catch (error) {
        await close();
        throw error;
      }
    },
    stop: close,
    checks: [
      { name: 'projector', check: () => supervisor?.readiness() ?? notStarted },
      { name: 'postgres', check: () => answers(model) },
      { name: 'nats', check: () => connected(journal) },
    ],
  };
}

/** Nobody asks the projector for addresses. */
const openArchive = (
  config: Config,
  o: Host & Readonly<{ journal: Journal; ring: KeyRing }>,
): Promise<Objects> => openObjects({ ...o, settings: objectSettings(config), publicUrl: '' });

const notStarted: Readiness = { ready: false, reason: 'not started' };

async function answers(model: ReadModel | undefined): Promise<Readiness> {
  if (model === undefined) return notStarted;
  await model.pool.query('select 1');
  return { ready: true };
}

function connected(journal: Journal | undefined): Readiness {
  const status = journal?.status();
  if (status === undefined) return notStarted;
  return status.connected
    ? { ready: true }
    : { ready: false, reason: status.reason ?? 'not connected' };
}
