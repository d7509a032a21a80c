/** The agent gateway alone, as `waybill agent-gateway` runs it, and what it holds. */
import { agentGatewayService } from '@waybill/agent-gateway';
import { Config } from '@waybill/agent-gateway/config';
import { createLogger, type Host, readConfig, startParts, systemClock } from '@waybill/process';
import { z } from 'zod';
import { Links } from '../measure/link.ts';
import { answerAs } from '../measure/role-process.ts';
import { memoryUse } from './memory-use.ts';

const Begin = Links.extend({
  agentToken: z.string(),
  keyRing: z.string(),
  /** Any that is free where it is 0. */
  port: z.int(),
});

async function begin({ nats, agentToken, keyRing, port }: z.infer<typeof Begin>) {
  const env = {
    LOG_LEVEL: 'warn',
    NATS_URL: nats.url,
    NATS_USER: nats.user,
    NATS_PASSWORD: nats.password,
    WAYBILL_HOST: '127.0.0.1',
    WAYBILL_PORT: String(port),
    WAYBILL_AGENT_TOKEN: agentToken,
    WAYBILL_KEY_RING: keyRing,
    WAYBILL_GATEWAY_ID: 'bench',
  };
  const host: Host = { clock: systemClock, log: createLogger({ name: 'bench', level: 'warn' }) };
  const gateway = agentGatewayService(readConfig(Config, env), host);
  const running = await startParts([gateway], host);
  void running.failed.then((error) => {
    throw error;
  });
  return { port: gateway.port() };
}

answerAs({
  begin: (body) => begin(Begin.parse(body)),
  memory: () => memoryUse(),
});
