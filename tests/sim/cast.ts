/**
 * The processes of a world: each can be started, frozen, killed, stopped and started again from the log. The services are the
 * product's own, with their own wiring; only what is under them is simulated.
 */
import { agentGatewayService } from '@waybill/agent-gateway';
import { Config as GatewayConfig } from '@waybill/agent-gateway/config';
import { dispatcherService } from '@waybill/dispatcher';
import { Config as DispatcherConfig } from '@waybill/dispatcher/config';
import type { Logger, Service } from '@waybill/process';
import { isOutage, readConfig } from '@waybill/process';
import { schedulerService } from '@waybill/scheduler';
import { Config as SchedulerConfig } from '@waybill/scheduler/config';
import type { Ledger } from './ledger.ts';
import type { Life } from './life.ts';
import type { LinkState, LogLink } from './log-link.ts';
import { openLogLink } from './log-link.ts';
import type { Network } from './network.ts';
import { startSdkAgent } from './sdk-agent.ts';
import { startSeedAgent } from './seed-agent.ts';
import { simClock } from './sim-clock.ts';
import { Knock } from './sim-socket.ts';
import { dispatchers, gateways, schedulers, sdkAgents, seedAgent } from './stage-names.ts';
import type { World } from './world.ts';

export type Role = 'dispatcher' | 'scheduler' | 'gateway' | 'sdk' | 'seed';
export type Actor = Readonly<{
  name: string;
  role: Role;
  life(): Life | undefined;
  link(): LogLink | undefined;
  start(): void;
  kill(): void;
  /** In order, and then it is gone. */
  stop(): void;
}>;

export type CastOptions = Readonly<{
  world: World;
  network: Network;
  ledger: Ledger;
  linkState: LinkState;
  log: (life: Life) => Logger;
  /** How far a host's clock may be off. */
  hostOffsetMs: () => number;
  /** Agents that a scaler has made. */
  scaled: readonly string[];
  /** How many jobs an agent of our SDK takes; by chance one or two where nothing is said. */
  capacity: number | undefined;
  /** Into how many the log is divided. */
  partitions: number;
  /** It could not go on, and is started again. */
  onGivenUp: (life: Life, why: Error) => void;
  /** Every journal that is opened by a life goes over its link. */
  onLink: (life: Life, link: LogLink) => void;
}>;

const TOKEN = 'sim-agent-token';
const SCALER_TOKEN = 'sim-scaler-token';
const env = {
  NATS_URL: 'nats://127.0.0.1:4222',
  LOG_LEVEL: 'warn',
  WAYBILL_AGENT_TOKEN: TOKEN,
  WAYBILL_SCALER_TOKEN: SCALER_TOKEN,
  WAYBILL_KEY_RING: 'none',
  WAYBILL_GATEWAY_LISTEN: 'false',
} as const;
/** A stop that takes longer ends as a kill, as it would under any supervisor. */
const stopMs = 15_000;
const restartMs = 1_000;

type Playing = Readonly<{ life: Life; link: LogLink; stop(): Promise<void> }>;

export function castOf(o: CastOptions): readonly Actor[] {
  const all = (names: readonly string[], role: Role): readonly Actor[] =>
    names.map((name) => actor(o, name, role));
  return [
    ...all(dispatchers, 'dispatcher'),
    ...all(schedulers, 'scheduler'),
    ...all(gateways, 'gateway'),
    ...all(sdkAgents, 'sdk'),
    ...all([seedAgent], 'seed'),
  ];
}

function actor(o: CastOptions, name: string, role: Role): Actor {
  const { world } = o;
  let playing: Playing | undefined;
  let isStopping = false;
  const end = (of: Playing): void => {
    if (playing === of) {
      playing = undefined;
      isStopping = false;
    }
    world.end(of.life);
  };
  const start = (): void => {
    if (playing !== undefined) return;
    const life = world.begin(name, o.hostOffsetMs());
    const link = openLogLink(world, life, o.linkState);
    o.onLink(life, link);
    let begun: (() => Promise<void>) | undefined;
    const of: Playing = { life, link, stop: () => begun?.() ?? Promise.resolve() };
    playing = of;
    // Whoever cannot reach the log gives up, and its supervisor starts it again.
    const failed = (error: unknown): void => {
      if (!life.isAlive || isStopping) return;
      if (!isOutage(error)) return world.fail(error);
      o.onGivenUp(life, error);
      end(of);
      world.schedule(restartMs, undefined, `${name} begins again`, start);
    };
    world.schedule(0, life, 'starts', () => {
      begun = begin(o, life, { name, role, failed });
    });
  };
  return {
    name,
    role,
    life: () => playing?.life,
    link: () => playing?.link,
    start,
    kill: () => {
      if (playing !== undefined) end(playing);
    },
    stop: () => {
      const of = playing;
      if (of === undefined) return;
      isStopping = true;
      world.schedule(0, of.life, 'is told to stop', () => void of.stop().then(() => end(of)));
      world.schedule(stopMs, undefined, `${name} is out of time`, () => end(of));
    },
  };
}

type Part = Readonly<{ name: string; role: Role; failed: (error: unknown) => void }>;

function begin(o: CastOptions, life: Life, { name, role, failed }: Part): () => Promise<void> {
  const { world, network, ledger } = o;
  const host = { clock: simClock(world, life), log: o.log(life) };
  const partitioned = { ...env, WAYBILL_PARTITIONS: String(o.partitions) };
  const serve = (service: Service, started?: () => void): (() => Promise<void>) => {
    const signal = new AbortController();
    service.start(signal.signal, failed).then(started, failed);
    return async () => {
      await service.stop();
      signal.abort(new Error('stopped'));
    };
  };
  switch (role) {
    case 'dispatcher':
      return serve(dispatcherService(readConfig(DispatcherConfig, partitioned), host));
    case 'scheduler':
      return serve(
        schedulerService(readConfig(SchedulerConfig, partitioned), host, { objects: false }),
      );
    case 'gateway': {
      const config = readConfig(GatewayConfig, { ...env, WAYBILL_GATEWAY_ID: name });
      const service = agentGatewayService(config, host);
      return serve(service, () =>
        network.listen(name, {
          life,
          knock: (wire) => service.upgrade(...knocking(wire)),
        }),
      );
    }
    case 'sdk':
    case 'seed': {
      const labels = ['any', name, role];
      const options = {
        ...host,
        world,
        life,
        ledger,
        agentId: name,
        labels,
        capacity: o.capacity ?? world.random.whole(1, 2),
        token: o.scaled.includes(name) ? SCALER_TOKEN : TOKEN,
        host: 'gateway',
      };
      const agent = role === 'sdk' ? startSdkAgent(options) : startSeedAgent(options);
      return agent.stop;
    }
  }
}

type Upgrade = Parameters<ReturnType<typeof agentGatewayService>['upgrade']>;

/** The product hands both on without a look; the simulated server of `ws` knows what they are. */
const knocking = (wire: ConstructorParameters<typeof Knock>[0]): Upgrade => {
  const request = { socket: { remoteAddress: '127.0.0.1' }, headers: {} };
  const parts: unknown = [request, new Knock(wire), Buffer.alloc(0)];
  return parts as Upgrade; // made for the simulated `ws`, which alone looks inside
};
