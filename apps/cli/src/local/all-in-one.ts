/**
 * Everything in one process, in an order in which nothing is asked before it can answer: servers, identity, streams and
 * tables, then the services, the public door last. Stopped in reverse: nothing new is let in, then what is under way ends,
 * the servers last.
 */
import { agentGatewayService } from '@waybill/agent-gateway';
import { Config as GatewayConfig } from '@waybill/agent-gateway/config';
import { apiService } from '@waybill/api';
import { Config as ApiConfig } from '@waybill/api/config';
import { dispatcherService } from '@waybill/dispatcher';
import { Config as DispatcherConfig } from '@waybill/dispatcher/config';
import { type Servers, startServers } from '@waybill/embedded';
import { natsSettings, openJournal } from '@waybill/journal';
import {
  type Check,
  type Clock,
  type Logger,
  type Part,
  type Running,
  readConfig,
  type Service,
  startParts,
  type Timer,
} from '@waybill/process';
import { projectorService } from '@waybill/projector';
import { Config as ProjectorConfig } from '@waybill/projector/config';
import { connectReadModel, migrate } from '@waybill/readmodel';
import { scalerService } from '@waybill/scaler';
import { Config as ScalerConfig } from '@waybill/scaler/config';
import { schedulerService } from '@waybill/scheduler';
import { Config as SchedulerConfig } from '@waybill/scheduler/config';
import type { z } from 'zod';
import { dropLocalServers, writeLocalServers } from '../credentials.ts';
import { type Identity, settleIdentity } from './identity.ts';
import { choosePort } from './port.ts';
import { runnerMain } from './runner-main.ts';
import { runnerProcess } from './runner-process.ts';
import { watchServers } from './server-watch.ts';
import {
  type ServiceEnvironment,
  scalerEnvironment,
  serviceEnvironment,
} from './service-environment.ts';
import type { UpConfig } from './up-config.ts';

export type AllInOneOptions = Readonly<{
  config: UpConfig;
  home: string;
  env: Readonly<Record<string, string | undefined>>;
  runner: boolean;
  scaler: boolean;
  clock: Clock;
  log: Logger;
  signal: AbortSignal;
  /** One line for people for every choice and every step that takes time. */
  say: (line: string) => void;
  /** Log lines of the runner's process. */
  write: (text: string) => void;
}>;

export type AllInOne = Readonly<{
  running: Running;
  url: string;
  home: string;
  servers: Servers;
  identity: Identity;
  environment: ServiceEnvironment;
}>;

type Made = Omit<AllInOne, 'running'>;

const stopDeadlineMs = 10_000;

export async function startAllInOne(o: AllInOneOptions): Promise<AllInOne> {
  const { clock, log, signal } = o;
  const made = Promise.withResolvers<Made>();
  made.promise.catch(() => undefined);
  const parts = [ground(o, made.resolve), ...services(o, made.promise)];
  const running = await startParts(parts, { clock, log, signal, stopDeadlineMs });
  return { ...(await made.promise), running };
}

/** Servers, identity, streams and tables: what has to be there before any service is. */
function ground(o: AllInOneOptions, done: (made: Made) => void): Part {
  const { config, home, say } = o;
  let servers: Servers | undefined;
  let watch: Timer | undefined;
  const stop = async (): Promise<void> => {
    watch?.cancel();
    await dropLocalServers(home);
    await servers?.stop();
  };
  return {
    name: 'servers',
    start: async (signal, fail) => {
      const { WAYBILL_HOST: host, WAYBILL_PORT: wanted } = config;
      // One that was asked for is looked at before anything is started; the default, once nobody else has this home.
      const asked = wanted === undefined ? undefined : await choosePort(host, wanted, say);
      servers = await startServers({
        home,
        durability: config.WAYBILL_DURABILITY,
        natsUrl: config.NATS_URL,
        databaseUrl: config.DATABASE_URL,
        natsServerBin: config.NATS_SERVER_BIN,
        path: o.env['PATH'],
        say,
      });
      try {
        signal.throwIfAborted();
        watch = watchServers({ servers, clock: o.clock, fail });
        const port = asked ?? (await choosePort(host, undefined, say));
        const url = `http://${hostInUrl(host)}:${port}`;
        const identity = await settleIdentity({ home, url, config });
        const environment = serviceEnvironment({ config, servers, identity, port });
        await prepare(environment, o);
        await writeLocalServers(home, {
          ...environment,
          ...(servers.nats.monitorUrl === undefined ? {} : { monitorUrl: servers.nats.monitorUrl }),
        });
        done({ url, home, servers, identity, environment });
      } catch (error) {
        await stop();
        throw error;
      }
    },
    stop,
  };
}

async function prepare(
  environment: ServiceEnvironment,
  { clock, log }: AllInOneOptions,
): Promise<void> {
  const config = readConfig(ProjectorConfig, environment);
  const journal = await openJournal({ nats: natsSettings(config), name: 'waybill-up', clock, log });
  const model = connectReadModel({ databaseUrl: config.DATABASE_URL, log, max: 2 });
  try {
    await journal.provision();
    await migrate(model);
  } finally {
    await Promise.all([journal.close(), model.close()]);
  }
}

function services(o: AllInOneOptions, made: Promise<Made>): readonly Part[] {
  const { clock, log } = o;
  const checks: Check[] = [];
  const hostOf = (name: string) => ({ clock, log: log.child({ part: name }) });
  const late = <S extends z.ZodObject>(
    name: string,
    schema: S,
    make: (config: Readonly<z.infer<S>>) => Service,
    own: (made: Made) => ServiceEnvironment = () => ({}),
  ): Part => {
    let service: Service | undefined;
    return {
      name,
      start: async (signal, fail) => {
        const all = await made;
        service = make(readConfig(schema, { ...all.environment, ...own(all) }));
        await service.start(signal, fail);
        checks.push(
          ...service.checks.map((check) => ({
            ...check,
            name: check.name === name ? name : `${name}: ${check.name}`,
          })),
        );
      },
      stop: async () => service?.stop(),
    };
  };
  let gateway: ReturnType<typeof agentGatewayService> | undefined;
  const upgrade: ReturnType<typeof agentGatewayService>['upgrade'] = (...socket) =>
    gateway?.upgrade(...socket);
  return [
    late('projector', ProjectorConfig, (config) => projectorService(config, hostOf('projector'))),
    late(
      'agent-gateway',
      GatewayConfig,
      (config) => (gateway = agentGatewayService(config, hostOf('agent-gateway'))),
    ),
    late('scheduler', SchedulerConfig, (config) => schedulerService(config, hostOf('scheduler'))),
    late('dispatcher', DispatcherConfig, (config) =>
      dispatcherService(config, hostOf('dispatcher')),
    ),
    late('api', ApiConfig, (config) =>
      apiService(config, hostOf('api'), { upgrades: { '/ws': upgrade }, checks }),
    ),
    ...(o.runner ? [lateRunner(o, made)] : []),
    // Behind the door that its agents dial; like a runner's, their jobs get a moment when everything stops.
    ...(o.scaler
      ? [
          late(
            'scaler',
            ScalerConfig,
            (config) => scalerService(config, hostOf('scaler'), { runner: runnerMain() }),
            ({ url, home }) => scalerEnvironment({ url, home, env: o.env }),
          ),
        ]
      : []),
  ];
}

function lateRunner(o: AllInOneOptions, made: Promise<Made>): Part {
  let runner: Part | undefined;
  return {
    name: 'runner',
    start: async (signal, fail) => {
      const { url, home, identity } = await made;
      const { clock, log, env, write } = o;
      runner = runnerProcess({
        env,
        url,
        agentToken: identity.credentials.agentToken,
        home,
        clock,
        log,
        write,
      });
      await runner.start(signal, fail);
    },
    stop: async () => runner?.stop(),
  };
}

/** An address that means every interface is not one to call. */
function hostInUrl(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}
