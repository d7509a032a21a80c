/**
 * The one connection of a journal: short pings, so that a frozen server is left within seconds, and reconnecting for ever.
 * Refuses a server older than 2.14. Nothing it reports contains a credential.
 */
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import {
  AuthorizationError,
  connect,
  type NatsConnection,
  PermissionViolationError,
  type Status,
  wsconnect,
} from '@nats-io/transport-node';
import { type Clock, type Logger, Outage, retry } from '@waybill/process';
import { clientOptions, serversOf } from './client-options.ts';
import { JournalError } from './journal-error.ts';
import type { NatsSettings } from './nats-settings.ts';

export type ConnectionOptions = Readonly<{
  nats: NatsSettings;
  name: string;
  clock: Clock;
  log: Logger;
  connectDeadlineMs?: number | undefined;
}>;

export type Connection = Readonly<{
  nc: NatsConnection;
  jsm: JetStreamManager;
  clock: Clock;
  log: Logger;
  name: string;
  inboxPrefix: string | undefined;
  connected(): boolean;
  reason(): string | undefined;
  maxPayload(): number;
  /** Resolves at once while connected; rejects with the signal's reason, or when closed for good. */
  whenConnected(signal?: AbortSignal): Promise<void>;
  onDrop(listener: () => void): () => void;
  /** The server forbids publishing on exactly this subject. */
  onDenied(listener: (subject: string) => void): () => void;
  close(): Promise<void>;
}>;

const versionMin = { major: 2, minor: 14 } as const;
const apiTimeoutMs = 3_000;
const fixedOptions = {
  pingInterval: 1_000,
  maxPingOut: 2,
  timeout: 1_500,
  reconnect: true,
  maxReconnectAttempts: -1,
  reconnectTimeWait: 200,
  reconnectJitter: 200,
  // Credentials may be rotated on the server first: keep trying instead of closing for ever.
  ignoreAuthErrorAbort: true,
  noAsyncTraces: true,
} as const;

export async function openConnection(o: ConnectionOptions): Promise<Connection> {
  const servers = serversOf(o.nats);
  const hosts = servers.map((server) => server.host).join(', ');
  const options = { ...fixedOptions, ...(await clientOptions(o.nats, servers)), name: o.name };
  const dial = servers.some((server) => server.webSocket) ? wsconnect : connect;
  const nc = await retry(() => dial(options), {
    clock: o.clock,
    deadlineMs: o.connectDeadlineMs ?? 10_000,
    retryable: (error) => !(error instanceof AuthorizationError),
  }).catch((error: unknown) => {
    if (error instanceof AuthorizationError) {
      throw new JournalError(
        'not-permitted',
        `NATS at ${hosts} does not accept these credentials`,
        { cause: error },
      );
    }
    throw new Outage('nats-unreachable', `NATS at ${hosts} cannot be reached`, { cause: error });
  });
  try {
    checkServer(nc, hosts);
    const jsm = await jetstreamManager(nc, { checkAPI: false, timeout: apiTimeoutMs });
    return watch(nc, jsm, o);
  } catch (error) {
    await nc.close();
    throw error;
  }
}

function checkServer(nc: NatsConnection, hosts: string): void {
  const version = nc.info?.version ?? '0.0';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const enough =
    major > versionMin.major || (major === versionMin.major && minor >= versionMin.minor);
  if (!enough) {
    const wanted = `${versionMin.major}.${versionMin.minor}`;
    throw new JournalError(
      'server-too-old',
      `NATS at ${hosts} is version ${version}; ${wanted} or newer is needed`,
    );
  }
  if (nc.info?.jetstream !== true) {
    throw new JournalError('no-jetstream', `NATS at ${hosts} has JetStream switched off`);
  }
}

function watch(nc: NatsConnection, jsm: JetStreamManager, o: ConnectionOptions): Connection {
  const drops = new Set<() => void>();
  const denials = new Set<(subject: string) => void>();
  let up = Promise.withResolvers<void>();
  up.resolve();
  let reason: string | undefined;
  let maxPayload = nc.info?.max_payload ?? 0;

  const dropped = (why: string): void => {
    if (reason === undefined) {
      up = Promise.withResolvers<void>();
      up.promise.catch(() => undefined);
    }
    reason = why;
    for (const listener of drops) listener();
  };
  const heard = (status: Status): void => {
    if (status.type === 'disconnect') {
      // Every failed attempt to reconnect says so again.
      if (reason === undefined) o.log.warn({ server: status.server }, 'NATS is lost, reconnecting');
      dropped('disconnected');
    } else if (status.type === 'reconnect') {
      if (reason !== undefined) o.log.info({ server: status.server }, 'NATS is back');
      maxPayload = nc.info?.max_payload ?? maxPayload;
      reason = undefined;
      up.resolve();
    } else if (status.type === 'close') {
      dropped('closed');
      up.reject(new Outage('journal-closed', 'the connection to NATS is closed'));
    } else if (status.type === 'error') {
      o.log.warn({ err: status.error }, 'NATS reports an error');
      const { error } = status;
      if (error instanceof PermissionViolationError && error.operation === 'publish') {
        for (const listener of denials) listener(error.subject);
      }
    }
  };
  void (async () => {
    for await (const status of nc.status()) heard(status);
  })();

  return {
    nc,
    jsm,
    clock: o.clock,
    log: o.log,
    name: o.name,
    inboxPrefix: o.nats.inboxPrefix,
    connected: () => reason === undefined,
    reason: () => reason,
    maxPayload: () => maxPayload,
    whenConnected: (signal) => unlessAborted(up.promise, signal),
    onDrop: (listener) => {
      drops.add(listener);
      return () => drops.delete(listener);
    },
    onDenied: (listener) => {
      denials.add(listener);
      return () => denials.delete(listener);
    },
    close: () => nc.close(),
  };
}

async function unlessAborted(
  promise: Promise<void>,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (signal === undefined) return promise;
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
