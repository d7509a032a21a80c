/** A real NATS with fresh streams, and what the processes around it need to know of each other. */
import { startTestServers } from '@waybill/embedded';
import { createKeyRing, newToken, serialiseKeyRing } from '@waybill/process';
import type { Durability } from '../arguments.ts';
import type { Links } from '../measure/link.ts';
import type { Secrets } from './crew.ts';

export type Context = Readonly<{
  natsServerBin: string | undefined;
  signal: AbortSignal;
  /** One line of progress. */
  say: (line: string) => void;
}>;

export type Scene = Readonly<{ links: Links; secrets: Secrets; context: Context }>;

export async function withScene<T>(
  durability: Durability,
  context: Context,
  use: (scene: Scene) => Promise<T>,
): Promise<T> {
  context.signal.throwIfAborted();
  const { natsServerBin } = context;
  const servers = await startTestServers({ postgres: false, durability, natsServerBin });
  try {
    const { url, user, password } = servers.nats;
    const keyRing = await serialiseKeyRing(await createKeyRing());
    return await use({
      links: { nats: { url, user, password }, postgres: { url: '' } },
      secrets: { agentToken: newToken('wba'), keyRing },
      context,
    });
  } finally {
    await servers.stop();
  }
}
