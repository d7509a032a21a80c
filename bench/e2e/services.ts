/**
 * All services in one process, wired as `waybill up` wires them, on servers that are given. Answers
 * where agents and callers reach it, and profiles itself when asked.
 */
import { agentGatewayService } from '@waybill/agent-gateway';
import { Config as GatewayConfig } from '@waybill/agent-gateway/config';
import { apiService } from '@waybill/api';
import { Config as ApiConfig } from '@waybill/api/config';
import { dispatcherService } from '@waybill/dispatcher';
import { Config as DispatcherConfig } from '@waybill/dispatcher/config';
import {
  createKeyRing,
  createLogger,
  type Host,
  newToken,
  readConfig,
  serialiseKeyRing,
  startParts,
  systemClock,
} from '@waybill/process';
import { projectorService } from '@waybill/projector';
import { Config as ProjectorConfig } from '@waybill/projector/config';
import { schedulerService } from '@waybill/scheduler';
import { Config as SchedulerConfig } from '@waybill/scheduler/config';
import { z } from 'zod';
import { Links } from '../measure/link.ts';
import { startProfile, stopProfile } from '../measure/profiler.ts';
import { answerAs } from '../measure/role-process.ts';

type Secrets = Readonly<{
  apiKey: string;
  agentToken: string;
  webhookSecret: string;
  keyRing: string;
}>;

async function newSecrets(): Promise<Secrets> {
  const keyRing = await serialiseKeyRing(await createKeyRing());
  return {
    apiKey: newToken('wbk'),
    agentToken: newToken('wba'),
    webhookSecret: newToken('wbs'),
    keyRing,
  };
}

const environment = (
  { nats, postgres }: Links,
  secrets: Secrets,
): Readonly<Record<string, string | undefined>> => ({
  LOG_LEVEL: 'warn',
  NATS_URL: nats.url,
  NATS_USER: nats.user,
  NATS_PASSWORD: nats.password,
  DATABASE_URL: postgres.url,
  WAYBILL_HOST: '127.0.0.1',
  WAYBILL_PORT: '0',
  WAYBILL_API_KEY: secrets.apiKey,
  WAYBILL_AGENT_TOKEN: secrets.agentToken,
  WAYBILL_WEBHOOK_SECRET: secrets.webhookSecret,
  WAYBILL_KEY_RING: secrets.keyRing,
  WAYBILL_GATEWAY_LISTEN: 'false',
});

async function begin(
  links: Links,
): Promise<Readonly<{ url: string; agentsUrl: string; apiKey: string; agentToken: string }>> {
  const secrets = await newSecrets();
  const env = environment(links, secrets);
  const host: Host = { clock: systemClock, log: createLogger({ name: 'bench', level: 'warn' }) };
  const gateway = agentGatewayService(readConfig(GatewayConfig, env), host);
  const api = apiService(readConfig(ApiConfig, env), host, {
    upgrades: { '/ws': gateway.upgrade },
  });
  const running = await startParts(
    [
      projectorService(readConfig(ProjectorConfig, env), host),
      gateway,
      schedulerService(readConfig(SchedulerConfig, env), host),
      dispatcherService(readConfig(DispatcherConfig, env), host),
      api,
    ],
    host,
  );
  // A benchmark of services of which one has failed would measure something else.
  void running.failed.then((error) => {
    throw error;
  });
  const url = api.address();
  return {
    url,
    agentsUrl: `${url.replace(/^http/, 'ws')}/ws`,
    apiKey: secrets.apiKey,
    agentToken: secrets.agentToken,
  };
}

answerAs({
  begin: (body) => begin(Links.parse(body)),
  'start profile': () => startProfile(),
  'stop profile': (file) => stopProfile(z.string().parse(file)),
});
