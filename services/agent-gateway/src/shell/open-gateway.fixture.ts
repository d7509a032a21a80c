/** Gateways on a real log of which the test holds a part in its hand: the lease, or what else of the journal it changes. */
import type { Journal, LeaseOptions } from '@waybill/journal';
import { openJournal } from '@waybill/journal';
import { createLogger, newId, systemClock } from '@waybill/process';
import { TOKEN } from '../../../../tests/support/plain-agent.ts';
import { type Gateway, openGateway } from './gateway.ts';
import type { LogWorld, NatsLogin } from './log-world.fixture.ts';

export type ChangedGateway = Readonly<{ url: string; stop(): Promise<void>; gateway: Gateway }>;

/** `change`: what of its journal is another. */
export async function changedGateway(
  world: LogWorld,
  nats: NatsLogin,
  change: (journal: Journal) => Partial<Journal>,
): Promise<ChangedGateway> {
  const log = createLogger({ name: 'test', level: 'error' });
  const journal = await openJournal({ nats, name: 'test', clock: systemClock, log });
  const gateway = await openGateway({
    journal: { ...journal, maxPayload: journal.maxPayload, ...change(journal) },
    ring: world.ring,
    clock: systemClock,
    log,
    name: `changed-${newId()}/${newId()}`,
    signIn: (token) => (token === TOKEN ? { org: world.org, scalerManaged: false } : undefined),
    listen: { host: '127.0.0.1', port: 0 },
    signal: new AbortController().signal,
    fail: () => undefined,
  });
  return { url: `ws://127.0.0.1:${gateway.port}/ws`, stop: gateway.stop, gateway };
}

export type LeasedGateway = Readonly<{
  url: string;
  lose(): void;
  gain(): void;
  ready(): boolean;
  stop(): Promise<void>;
}>;

export async function leasedGateway(world: LogWorld, nats: NatsLogin): Promise<LeasedGateway> {
  let asked: LeaseOptions | undefined;
  let epoch: number | undefined = 1;
  const lease: Journal['lease'] = (o) => {
    asked = o;
    return { epoch: () => epoch, release: async () => undefined };
  };
  const { url, stop, gateway } = await changedGateway(world, nats, () => ({ lease }));
  return {
    url,
    lose: () => {
      epoch = undefined;
      asked?.onLost?.();
    },
    gain: () => {
      epoch = 2;
      asked?.onGained?.(2);
    },
    ready: () => gateway.check().ready,
    stop,
  };
}
