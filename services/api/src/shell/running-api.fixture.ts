/** A running api on real servers, for specs: its own NATS and Postgres, the log beside it, and what it wrote to its log. */
import { createHmac } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { startTestServers } from '@waybill/embedded';
import { type Journal, openJournal } from '@waybill/journal';
import {
  createKeyRing,
  createLogger,
  type Host,
  type KeyRing,
  serialiseKeyRing,
  startParts,
  systemClock,
} from '@waybill/process';
import { connectReadModel, migrate, type ReadModel } from '@waybill/readmodel';
import { Config } from '../config.ts';
import { type ApiOptions, apiService } from '../service.ts';

export const ORG = 'main';
export const API_KEY = 'wbk_0123456789abcdef0123456789abcdef';
export const SECRETS = ['hook-secret-new', 'hook-secret-old'] as const;

type Servers = Awaited<ReturnType<typeof startTestServers>>;
type Options = ApiOptions &
  Readonly<{ config?: Partial<Config>; servers?: Servers; ring?: KeyRing }>;

type Call = Omit<RequestInit, 'headers'> & Readonly<{ headers?: Readonly<Record<string, string>> }>;

export type RunningApi = Readonly<{
  url: string;
  config: Config;
  servers: Servers;
  journal: Journal;
  readModel: ReadModel;
  ring: KeyRing;
  host: Host;
  /** Everything the api has logged. */
  logged(): string;
  /** A request with the API key, unless `headers` say otherwise. */
  call(path: string, init?: Call): Promise<Response>;
  hook(source: string, body: string, headers?: Record<string, string>): Promise<Response>;
  post(path: string, value: unknown, headers?: Record<string, string>): Promise<Response>;
  stopApi(): Promise<void>;
  stop(): Promise<void>;
}>;

/** What a spec may look at in an answer, whichever it is. */
export type Answered = Readonly<{
  runId: string;
  triggerId: string;
  requestId: string;
  duplicate: boolean;
  code: string;
  title: string;
  detail: string;
  fix: string;
  errors: readonly Readonly<{ path: string; message: string; line?: number; column?: number }>[];
  items: readonly Readonly<{
    type: string;
    seq: number;
    at: string;
    workflow: string;
    name: string;
    data: Readonly<Record<string, unknown>>;
  }>[];
  next: string | null;
  jobs: readonly Readonly<{ state: string }>[];
  record: unknown;
}>;

// A spec checks what it reads here; what is missing fails there.
export const answered = async (response: Response | Promise<Response>): Promise<Answered> =>
  (await (await response).json()) as Answered;

export const sign = (body: string, secret: string = SECRETS[0]): string =>
  `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;

export async function startApi(o: Options = {}): Promise<RunningApi> {
  const servers = o.servers ?? (await startTestServers());
  const sink = new PassThrough();
  let logged = '';
  sink.on('data', (chunk: Buffer) => (logged += chunk.toString('utf8')));
  const host = {
    clock: systemClock,
    log: createLogger({ name: 'api', level: 'trace', destination: sink }),
  };
  const { url, user, password } = servers.nats;
  const ring = o.ring ?? (await createKeyRing());
  const readModel = connectReadModel({ databaseUrl: servers.postgres.url, log: host.log });
  await migrate(readModel);
  const journal = await openJournal({ nats: { url, user, password }, name: 'test', ...host });
  const config = Config.parse({
    LOG_LEVEL: 'trace',
    NATS_URL: url,
    NATS_USER: user,
    NATS_PASSWORD: password,
    DATABASE_URL: servers.postgres.url,
    WAYBILL_PORT: '0',
    WAYBILL_ORG: ORG,
    WAYBILL_API_KEY: API_KEY,
    WAYBILL_WEBHOOK_SECRET: SECRETS.join(', '),
    WAYBILL_KEY_RING: await serialiseKeyRing(ring),
    ...o.config,
  });
  const service = apiService(config, host, o);
  const running = await startParts([service], host);
  const address = service.address();
  const call = (path: string, init: Call = {}): Promise<Response> =>
    fetch(address + path, {
      ...init,
      headers: { authorization: `Bearer ${API_KEY}`, ...init.headers },
    });
  const stopApi = (): Promise<void> => running.stop();
  return {
    url: address,
    config,
    servers,
    journal,
    readModel,
    ring,
    host,
    logged: () => logged,
    call,
    hook: (source, body, headers = {}) =>
      fetch(`${address}/hooks/${ORG}/${source}`, {
        method: 'POST',
        body,
        headers: {
          'content-type': 'application/json',
          'x-hub-signature-256': sign(body),
          ...headers,
        },
      }),
    post: (path, value, headers = {}) =>
      call(`/v1/orgs/${ORG}${path}`, {
        method: 'POST',
        body: typeof value === 'string' ? value : JSON.stringify(value),
        headers: { 'content-type': 'application/json', ...headers },
      }),
    stopApi,
    stop: async () => {
      await stopApi();
      await journal.close();
      await readModel.close();
      if (o.servers === undefined) await servers.stop();
    },
  };
}
