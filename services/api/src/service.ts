/**
 * The api: the front door. Authenticates people and producers, appends triggers, answers queries and tails the log. Everything
 * that was answered 2xx is in the log; it keeps nothing itself, so any number of it may run.
 */
import { type Journal, natsSettings, openJournal } from '@waybill/journal';
import {
  type Objects,
  objectSettings,
  openObjectDoor,
  openObjects,
  urlSigner,
} from '@waybill/objects';
import {
  type Check,
  type Host,
  hashToken,
  parseKeyRing,
  type Readiness,
  readiness,
  registerSecretValue,
  type Service,
  sealingRing,
} from '@waybill/process';
import { connectReadModel, type ReadModel } from '@waybill/readmodel';
import { sql } from 'kysely';
import type { Config } from './config.ts';
import { type Limits, limits } from './domain/limits.ts';
import type { ApiContext } from './shell/api-context.ts';
import { watchCapacity } from './shell/capacity.ts';
import { streamSeats } from './shell/event-stream.ts';
import {
  type HttpServer,
  openHttpServer,
  type UpgradeHandler,
  type Upgrades,
} from './shell/http-server.ts';

export type { UpgradeHandler, Upgrades };

export type ApiOptions = Readonly<{
  /** By path: sockets that somebody else speaks with. */
  upgrades?: Upgrades;
  /** Of other services in this process: `/readyz` asks them too. */
  checks?: readonly Check[];
  limits?: Partial<Limits>;
}>;

export type ApiService = Service & Readonly<{ /** Once it has started. */ address(): string }>;

export function apiService(config: Config, { clock, log }: Host, o: ApiOptions = {}): ApiService {
  let journal: Journal | undefined;
  let readModel: ReadModel | undefined;
  let objects: Objects | undefined;
  let server: HttpServer | undefined;
  let failure: Error | undefined;
  const bounds: Limits = { ...limits, ...o.limits };
  const checks: readonly Check[] = [
    {
      name: 'api',
      check: () =>
        failure === undefined ? { ready: true } : { ready: false, reason: failure.message },
    },
    { name: 'nats', check: () => connectedOf(journal) },
    { name: 'postgres', check: () => answersOf(readModel) },
  ];
  const gate = readiness([...checks, ...(o.checks ?? [])], { clock });

  const address = (): string => {
    if (server === undefined) throw new Error('the api has not started');
    return server.address;
  };
  const close = async (): Promise<void> => {
    gate.drain();
    await server?.close();
    await objects?.close();
    await Promise.all([journal?.close(), readModel?.close()]);
  };
  return {
    name: 'api',
    start: async (_signal, fail) => {
      try {
        journal = await openJournal({
          nats: natsSettings(config),
          name: 'waybill-api',
          clock,
          log,
        });
        await journal.provision();
        readModel = connectReadModel({ databaseUrl: config.DATABASE_URL, log });
        const capacity = watchCapacity({ journal, clock, log, bounds });
        await capacity.refresh();
        const ring = sealingRing(await parseKeyRing(config.WAYBILL_KEY_RING));
        objects = await openObjects({
          journal,
          ring,
          clock,
          log,
          publicUrl: () => config.WAYBILL_PUBLIC_URL ?? address(),
          settings: objectSettings(config),
        });
        const api: ApiContext = {
          org: config.WAYBILL_ORG,
          apiKeyHash: hashToken(config.WAYBILL_API_KEY),
          webhookSecrets: secretsOf(config.WAYBILL_WEBHOOK_SECRET),
          ring,
          journal,
          readModel,
          objects,
          door: openObjectDoor({
            org: config.WAYBILL_ORG,
            blobs: journal.blobs,
            tickets: journal.table('KV_WB_TICKETS'),
            signer: urlSigner(ring),
            clock,
          }),
          capacity,
          seats: streamSeats({ clock, log, bounds }),
          gate,
          bounds,
          clock,
          log,
          fail: (error) => {
            failure ??= error;
            fail(error);
          },
        };
        server = await openHttpServer(api, {
          host: config.WAYBILL_HOST,
          port: config.WAYBILL_PORT,
          upgrades: o.upgrades ?? {},
        });
        log.info({ address: server.address }, 'the api listens');
      } catch (error) {
        await close();
        throw error;
      }
    },
    stop: close,
    address,
    checks,
  };
}

/** Several secrets are active while one takes the place of another. */
function secretsOf(list: string): readonly string[] {
  const secrets = list
    .split(',')
    .map((secret) => secret.trim())
    .filter((secret) => secret !== '');
  for (const secret of secrets) registerSecretValue(secret, { keep: true });
  return secrets;
}

function connectedOf(journal: Journal | undefined): Readiness {
  const status = journal?.status();
  if (status?.connected === true) return { ready: true };
  return {
    ready: false,
    reason: `not connected to NATS${status?.reason === undefined ? '' : `: ${status.reason}`}`,
  };
}

async function answersOf(readModel: ReadModel | undefined): Promise<Readiness> {
  if (readModel === undefined) return { ready: false, reason: 'not connected to Postgres' };
  await sql`select 1`.execute(readModel.db);
  return { ready: true };
}
