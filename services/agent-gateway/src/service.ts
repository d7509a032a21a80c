/**
 * The agent gateway: holds the agents' sockets, appends what they say as facts, and writes them the offers that the log has for
 * them. It decides nothing about runs; after a restart it knows from the log alone which attempt is whose.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Journal, natsSettings, openJournal } from '@waybill/journal';
import { type Objects, objectSettings, openObjects } from '@waybill/objects';
import {
  type Host,
  hashToken,
  type KeyRing,
  newId,
  parseKeyRing,
  registerSecretValue,
  type Service,
  tokenMatches,
} from '@waybill/process';
import type { Config } from './config.ts';
import type { SignIn } from './domain/session-protocol.ts';
import { type Gateway, openGateway } from './shell/gateway.ts';
import { refuseUpgrade } from './shell/socket-server.ts';

export type AgentGatewayService = Service &
  Readonly<{
    /** For whoever owns the HTTP server. Before the start and while it stops, agents are told to come back. */
    upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
    /** Of its own door, once it is started with one. */
    port(): number | undefined;
  }>;

export function agentGatewayService(config: Config, { clock, log }: Host): AgentGatewayService {
  let gateway: Gateway | undefined;
  const signIn = signInWith(config);

  return {
    name: 'agent-gateway',
    start: async (signal, fail) => {
      const ring = await parseKeyRing(config.WAYBILL_KEY_RING);
      const journal = await openJournal({
        nats: natsSettings(config),
        name: 'waybill-agent-gateway',
        clock,
        log,
      });
      let objects: Objects | undefined;
      try {
        await journal.provision();
        objects = await openStorage(config, { journal, ring, clock, log });
        gateway = await openGateway({
          journal,
          objects,
          ring,
          clock,
          log,
          name: `${config.WAYBILL_GATEWAY_ID}/${newId()}`,
          signIn,
          listen: config.WAYBILL_GATEWAY_LISTEN
            ? { host: config.WAYBILL_HOST, port: config.WAYBILL_PORT }
            : undefined,
          signal,
          fail,
        });
      } catch (error) {
        await objects?.close();
        await journal.close();
        throw error;
      }
    },
    stop: async () => {
      await gateway?.stop();
    },
    upgrade: (request, socket, head) => {
      if (gateway === undefined) refuseUpgrade(socket, 503);
      else gateway.upgrade(request, socket, head);
    },
    port: () => gateway?.port,
    checks: [
      {
        name: 'agent-gateway',
        check: () => gateway?.check() ?? { ready: false, reason: 'not started' },
      },
    ],
  };
}

/** Undefined where nobody could reach it: agents are told that there is no storage. */
async function openStorage(
  config: Config,
  parts: Host & Readonly<{ journal: Journal; ring: KeyRing }>,
): Promise<Objects | undefined> {
  const settings = objectSettings(config);
  const { WAYBILL_PUBLIC_URL: publicUrl } = config;
  if (publicUrl !== undefined || settings.s3 !== undefined)
    return openObjects({ ...parts, settings, publicUrl: publicUrl ?? '' });
  parts.log.warn(
    'there is no storage for caches and artifacts: set WAYBILL_PUBLIC_URL to the address of the api, or S3_ENDPOINT',
  );
  return undefined;
}

/** The token says whether a scaler made the agent: nothing that the agent says of itself does. */
function signInWith(config: Config): SignIn {
  const { WAYBILL_ORG: org, WAYBILL_AGENT_TOKEN, WAYBILL_SCALER_TOKEN } = config;
  // Agents that exist tell their own token in what they say of a job: whatever knows it here knows to leave it out.
  for (const token of [WAYBILL_AGENT_TOKEN, WAYBILL_SCALER_TOKEN])
    if (token !== undefined) registerSecretValue(token, { keep: true });
  const agents = hashToken(WAYBILL_AGENT_TOKEN);
  const scalers = WAYBILL_SCALER_TOKEN === undefined ? undefined : hashToken(WAYBILL_SCALER_TOKEN);
  return (token) => {
    if (tokenMatches(token, agents)) return { org, scalerManaged: false };
    if (scalers !== undefined && tokenMatches(token, scalers)) return { org, scalerManaged: true };
    return undefined;
  };
}
