/**
 * The embedded nats-server with JetStream, on loopback ports of its own, with a password that only the
 * home's owner can read. `strict`: what it has acknowledged survives a power cut, because it syncs before
 * it answers. `fast`: it syncs once a second.
 */
import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { ensureFolder, readText, writePrivate } from './folder.ts';
import { freePort } from './free-port.ts';
import { natsVersion } from './nats-handshake.ts';
import type { Say } from './server-process.ts';
import { AddressInUse, adopt, type Recipe, type Supervised, start } from './supervised-server.ts';

export type Durability = 'strict' | 'fast';

export type NatsOptions = Readonly<{
  /** Where its configuration, password, ports and data are kept. */
  dir: string;
  /** The folder for its log; the same one when left out. */
  logs?: string | undefined;
  binary: string;
  durability: Durability;
  say?: Say | undefined;
}>;

export type NatsServer = Readonly<{
  url: string;
  user: string;
  password: string;
  version: string;
  dataDir: string;
  monitorUrl: string;
  readonly pid: number;
  signal(signal: NodeJS.Signals): void;
  kill(): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}>;

type Ports = Readonly<{ client: number; monitor: number }>;

const user = 'waybill';
const portTriesMax = 3;

export async function startNats(options: NatsOptions): Promise<NatsServer> {
  const { durability } = options;
  const say = options.say ?? (() => undefined);
  const dir = await ensureFolder(options.dir);
  const logs = await ensureFolder(options.logs ?? dir);
  const dataDir = await ensureFolder(join(dir, 'data'));
  const passwordFile = join(dir, 'password');
  const portFile = join(dir, 'port');
  const configFile = join(dir, 'nats.conf');
  const password = (await readText(passwordFile)) ?? randomBytes(32).toString('base64url');
  await writePrivate(passwordFile, password);

  // The name is made from the folder, so that the command line tells this server from any other.
  const name = `waybill-${createHash('sha256').update(dir).digest('hex').slice(0, 12)}`;
  const args = ['-n', name, '-c', configFile];
  const recipeOn = (ports: Ports): Recipe<string> => ({
    name: 'nats-server',
    marker: args.join(' '),
    command: options.binary,
    args,
    account: undefined,
    logFile: join(logs, 'nats.log'),
    probe: () => natsVersion({ port: ports.client, user, password }),
    ending: [{ signal: 'SIGINT', withinMs: 1_500 }],
    passing: undefined,
    say,
  });
  const configOn = (ports: Ports): string => config({ ports, password, dataDir, durability });

  const { ports, server } = await startOnPorts({ portFile, configFile, recipeOn, configOn });
  return {
    url: `nats://127.0.0.1:${ports.client}`,
    user,
    password,
    version: server.ready,
    dataDir,
    monitorUrl: `http://127.0.0.1:${ports.monitor}`,
    get pid() {
      return server.pid;
    },
    signal: server.signal,
    kill: server.kill,
    restart: server.restart,
    stop: server.stop,
  };
}

type Startable = Readonly<{
  portFile: string;
  configFile: string;
  recipeOn(ports: Ports): Recipe<string>;
  configOn(ports: Ports): string;
}>;

/** On the ports it had before whenever they are free, so that its address stays the same. */
async function startOnPorts(
  startable: Startable,
): Promise<Readonly<{ ports: Ports; server: Supervised<string> }>> {
  const { portFile, configFile, recipeOn, configOn } = startable;
  const first = (await rememberedPorts(portFile)) ?? (await freePorts());
  const unchanged = (await readText(configFile)) === configOn(first).trim();
  const adopted = await adopt(recipeOn(first), unchanged);
  if (adopted !== undefined) return { ports: first, server: adopted };
  for (let attempt = 1; ; attempt += 1) {
    const ports = await freePorts(attempt === 1 ? first : undefined);
    await writePrivate(portFile, `${ports.client} ${ports.monitor}`);
    await writePrivate(configFile, configOn(ports));
    try {
      return { ports, server: await start(recipeOn(ports)) };
    } catch (error) {
      if (!(error instanceof AddressInUse) || attempt === portTriesMax) throw error;
    }
  }
}

type Config = Readonly<{
  ports: Ports;
  password: string;
  dataDir: string;
  durability: Durability;
}>;

function config({ ports, password, dataDir, durability }: Config): string {
  // Without a limit the server allows files up to three quarters of the free disk, which is right here.
  return `listen: "127.0.0.1:${ports.client}"
http: "127.0.0.1:${ports.monitor}"
max_payload: 32MB
max_pending: 128MB
authorization { user: "${user}", password: "${password}" }
jetstream {
  store_dir: ${JSON.stringify(dataDir)}
  sync_interval: ${durability === 'strict' ? 'always' : '"1s"'}
  max_memory_store: 1GB
}
`;
}

async function freePorts(preferred?: Ports): Promise<Ports> {
  const client = await freePort(preferred?.client);
  for (;;) {
    const monitor = await freePort(preferred?.monitor);
    if (monitor !== client) return { client, monitor };
  }
}

async function rememberedPorts(file: string): Promise<Ports | undefined> {
  const [client, monitor] = ((await readText(file)) ?? '').split(' ').map(Number);
  if (client === undefined || monitor === undefined) return undefined;
  return Number.isInteger(client + monitor) ? { client, monitor } : undefined;
}
