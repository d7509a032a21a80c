/**
 * Every service of a Waybill as a process of its own, over servers that somebody else has started: each can be killed or frozen
 * at a milestone and started again, while clients and agents of a fault world go on.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createKeyRing, newToken, serialiseKeyRing } from '@waybill/process';
import { eventually } from '@waybill/process/testing';
import { freePort, openHome, type Staying } from '../e2e/waybill.fixture.ts';
import { type FaultWorld, openFaultWorld } from './fault-world.fixture.ts';

const crashPoint = fileURLToPath(new URL('crash-point.ts', import.meta.url));

export const trades = ['dispatcher', 'scheduler', 'projector', 'agent-gateway', 'api'] as const;
/** A scaler only where a test starts it, with the pools of `pools.json` in the home. */
export type Trade = (typeof trades)[number] | 'scaler';

/** Where a process ends or stands still, and what is wrong with its clock: as `crash-point.ts` reads it. */
export type Fault = Readonly<{
  CRASH_AT?: string;
  STOP_AT?: string;
  FAULT_ONCE?: string;
  CLOCK_OFF_MS?: string;
  HASTE_MS?: string;
}>;

export type Servers = Readonly<{
  nats: Readonly<{ url: string; user?: string | undefined; password?: string | undefined }>;
  databaseUrl: string;
}>;

export type Crew = Readonly<{
  world: FaultWorld;
  /** Those with a door are ready when it resolves. `number`: which of several, each with a port of its own. */
  start(trade: Trade, fault?: Fault, number?: number): Promise<Staying>;
  /** The first of each. */
  startAll(): Promise<void>;
  /** From now on, in the one that was started last. */
  arm(trade: Trade, fault: Fault): Promise<void>;
  /** The one that was started last. */
  one(trade: Trade): Staying;
  close(): Promise<void>;
}>;

export async function openCrew({ nats, databaseUrl }: Servers, gatewayCount = 1): Promise<Crew> {
  const home = await openHome();
  const gateways = await Promise.all(Array.from({ length: gatewayCount }, freePort));
  const apis = [home.port, await freePort()];
  const credentials = {
    url: `http://127.0.0.1:${home.port}`,
    org: 'main',
    apiKey: newToken('wbk_'),
    agentToken: newToken('wba_'),
    scalerToken: newToken('wba_'),
    webhookSecret: newToken('wbs_'),
  };
  const places = {
    NATS_URL: nats.url,
    ...(nats.user === undefined ? {} : { NATS_USER: nats.user }),
    ...(nats.password === undefined ? {} : { NATS_PASSWORD: nats.password }),
    DATABASE_URL: databaseUrl,
  };
  await mkdir(home.folder, { mode: 0o700 });
  await writeFile(join(home.folder, 'credentials.json'), JSON.stringify(credentials));
  await writeFile(join(home.folder, 'servers.json'), JSON.stringify(places));
  const env = {
    ...places,
    WAYBILL_ORG: credentials.org,
    WAYBILL_API_KEY: credentials.apiKey,
    WAYBILL_AGENT_TOKEN: credentials.agentToken,
    WAYBILL_SCALER_TOKEN: credentials.scalerToken,
    WAYBILL_WEBHOOK_SECRET: credentials.webhookSecret,
    WAYBILL_KEY_RING: await serialiseKeyRing(await createKeyRing()),
  };
  const world = await openFaultWorld({ home, env, gateways });
  const crew = new Map<Trade, Staying>();
  const everybody: Staying[] = [];
  const faultFile = (trade: Trade): string => join(home.folder, `${trade}.fault`);
  const one = (trade: Trade): Staying => {
    const found = crew.get(trade);
    if (found === undefined) throw new Error(`no ${trade} was started`);
    return found;
  };

  const start: Crew['start'] = async (trade, fault, number = 0) => {
    const port = (trade === 'agent-gateway' ? gateways : apis)[number];
    const own = {
      WAYBILL_PORT: String(port),
      WAYBILL_GATEWAY_ID: `gateway-${number}`,
      ...(trade === 'scaler'
        ? {
            WAYBILL_URL: `ws://127.0.0.1:${gateways[0]}/ws`,
            WAYBILL_SCALER_POOLS: join(home.folder, 'pools.json'),
          }
        : {}),
    };
    const loaded = {
      NODE_OPTIONS: `--import=${crashPoint}`,
      FAULT_FILE: faultFile(trade),
      ...fault,
    };
    const started = world.service(trade, { ...own, ...loaded });
    crew.set(trade, started);
    everybody.push(started);
    await started.says('faults may be set');
    if (trade === 'api' || trade === 'agent-gateway')
      await Promise.race([isReady(trade, port ?? 0), started.ended]);
    return started;
  };
  return {
    world,
    start,
    startAll: async () => {
      await Promise.all(trades.map((trade) => start(trade)));
    },
    arm: async (trade, fault) => {
      await writeFile(faultFile(trade), JSON.stringify(fault));
      one(trade).kill('SIGUSR2');
      await one(trade).says(`armed at ${fault.CRASH_AT ?? fault.STOP_AT}`);
    },
    one,
    close: async () => {
      // How they stop in order is not what is tested here.
      for (const each of everybody) each.kill('SIGKILL');
      await Promise.all(everybody.map((each) => each.ended));
      await world.close();
    },
  };
}

/** One that is killed on its way there is not waited for: its end is for the test to see. */
async function isReady(trade: Trade, port: number): Promise<void> {
  const ready = async (): Promise<boolean> =>
    (await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(1_000) })).ok;
  await eventually(ready, { withinMs: 60_000, everyMs: 50, what: `${trade} is ready` });
}
