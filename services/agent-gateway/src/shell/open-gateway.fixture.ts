/** A gateway on a real log whose lease the test holds in its hand. */
import type { Journal, LeaseOptions } from '@waybill/journal';
import { openJournal } from '@waybill/journal';
import { createLogger, newId, systemClock } from '@waybill/process';
import { openGateway } from './gateway.ts';
import type { LogWorld, NatsLogin } from './log-world.fixture.ts';
import { TOKEN } from './plain-agent.fixture.ts';

export type LeasedGateway = Readonly<{
  url: string;
  lose(): void;
  gain(): void;
  ready(): boolean;
  stop(): Promise<void>;
}>;

export async function leasedGateway(world: LogWorld, nats: NatsLogin): Promise<LeasedGateway> {
  const log = createLogger({ name: 'test', level: 'error' });
  const journal = await openJournal({ nats, name: 'test', clock: systemClock, log });
  let asked: LeaseOptions | undefined;
  let epoch: number | undefined = 1;
  const lease: Journal['lease'] = (o) => {
    asked = o;
    return { epoch: () => epoch, release: async () => undefined };
  };
  const gateway = await openGateway({
    journal: { ...journal, maxPayload: journal.maxPayload, lease },
    ring: world.ring,
    clock: systemClock,
    log,
    name: `leased/${newId()}`,
    signIn: (token) => (token === TOKEN ? { org: world.org, scalerManaged: false } : undefined),
    listen: { host: '127.0.0.1', port: 0 },
    signal: new AbortController().signal,
    fail: () => undefined,
  });
  return {
    url: `ws://127.0.0.1:${gateway.port}/ws`,
    lose: () => {
      epoch = undefined;
      asked?.onLost?.();
    },
    gain: () => {
      epoch = 2;
      asked?.onGained?.(2);
    },
    ready: () => gateway.check().ready,
    stop: gateway.stop,
  };
}
