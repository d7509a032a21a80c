/** Where NATS is and how to sign in there, as the client library takes it. */
import { readFile } from 'node:fs/promises';
import {
  credsAuthenticator,
  type NodeConnectionOptions,
  nkeyAuthenticator,
} from '@nats-io/transport-node';
import { natsServers } from '@waybill/process';
import type { NatsSettings } from './nats-settings.ts';

export type ServerAddress = Readonly<{
  address: string;
  /** Without credentials: what may be shown. */
  host: string;
  user: string;
  password: string;
  tls: boolean;
  webSocket: boolean;
}>;

export const serversOf = (nats: NatsSettings): readonly ServerAddress[] =>
  natsServers(nats.url).map(serverOf);

function serverOf(text: string): ServerAddress {
  const url = new URL(text.includes('://') ? text : `nats://${text}`);
  const webSocket = url.protocol === 'ws:' || url.protocol === 'wss:';
  return {
    address: webSocket ? `${url.protocol}//${url.host}` : url.host,
    host: url.host,
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    tls: url.protocol === 'tls:',
    webSocket,
  };
}

/** What depends on the settings: addresses, credentials, certificates. */
export async function clientOptions(
  nats: NatsSettings,
  servers: readonly ServerAddress[],
): Promise<NodeConnectionOptions> {
  return {
    servers: servers.map((server) => server.address),
    ...passwordOptions(nats, servers),
    ...(await keyOptions(nats)),
    ...tlsOptions(nats, servers),
    ...(nats.inboxPrefix === undefined ? {} : { inboxPrefix: nats.inboxPrefix }),
  };
}

function passwordOptions(
  nats: NatsSettings,
  servers: readonly ServerAddress[],
): NodeConnectionOptions {
  if (nats.token !== undefined) return { token: nats.token };
  const named = servers.find((server) => server.user !== '');
  const user = nats.user ?? named?.user;
  if (user === undefined) return {};
  const password = nats.password ?? named?.password ?? '';
  // As every NATS tool reads it: a name without a password in the address is a token.
  return nats.user === undefined && password === '' ? { token: user } : { user, pass: password };
}

async function keyOptions(nats: NatsSettings): Promise<NodeConnectionOptions> {
  if (nats.creds !== undefined)
    return { authenticator: credsAuthenticator(await readFile(nats.creds)) };
  if (nats.nkey === undefined) return {};
  return { authenticator: nkeyAuthenticator(new TextEncoder().encode(nats.nkey)) };
}

function tlsOptions(nats: NatsSettings, servers: readonly ServerAddress[]): NodeConnectionOptions {
  const tls = {
    ...(nats.ca === undefined ? {} : { caFile: nats.ca }),
    ...(nats.cert === undefined ? {} : { certFile: nats.cert }),
    ...(nats.key === undefined ? {} : { keyFile: nats.key }),
  };
  const wanted = Object.keys(tls).length > 0 || servers.some((server) => server.tls);
  return wanted ? { tls } : {};
}
