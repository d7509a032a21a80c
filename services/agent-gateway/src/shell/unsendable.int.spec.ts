import { startTestServers } from '@waybill/embedded';
import { createKeyRing } from '@waybill/process';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { registerAgent } from '../../../../tests/support/plain-agent.ts';
import { type LogWorld, openLogWorld, type RunOptions } from './log-world.fixture.ts';

let servers: Awaited<ReturnType<typeof startTestServers>>;
let world: LogWorld;

beforeAll(async () => {
  servers = await startTestServers({ postgres: false });
});
afterAll(async () => {
  await servers.stop();
});
beforeEach(async () => {
  world = await openLogWorld(servers.nats);
});
afterEach(async () => {
  await world.close();
});

const said = (): number => world.logged().split('a dispatch cannot be made').length - 1;

describe('an offer whose frame cannot be made', () => {
  it.each([
    [
      'its secrets do not open',
      'secrets_unreadable',
      async () => ({ ring: await createKeyRing() }),
    ],
    ['it does not fit the protocol', 'dispatch_invalid', async () => ({ secrets: 7 })],
  ] satisfies [string, string, () => Promise<RunOptions>][])(
    'because %s ends its job at once as %s, costs nothing and is said once',
    async (_why, cause, o) => {
      const { url } = await world.gateway();
      const agent = await registerAgent(url, { agentId: 'a' });
      const session = await world.session('a');
      const run = await world.run({ secrets: { TOKEN: 'x' }, ...(await o()) });
      const other = await world.run();
      await run.offer({ agentId: 'a', session, ackTimeoutMs: 60_000 });
      expect(await run.jobState('failed')).toMatchObject({
        failure: cause,
        spent: { expired: 0, rejected: 0, withdrawn: 0 },
        attempts: [{ resolution: 'withdrawn', cause }],
      });
      // The agent is not to blame: it is asked for the next one as ever.
      await other.offer({ agentId: 'a', session });
      expect(await agent.next('job.dispatch')).toMatchObject({ runId: other.runId });
      expect(said()).toBe(1);
    },
  );

  it('is said to the run once, though the offer is read again after a restart', async () => {
    const gateway = await world.gateway();
    await registerAgent(gateway.url, { agentId: 'a' });
    const run = await world.run({ secrets: { TOKEN: 'x' }, ring: await createKeyRing() });
    await run.offer({ agentId: 'a', session: await world.session('a') });
    await run.jobState('failed');
    await gateway.stop();
    const { url } = await world.gateway();
    const agent = await registerAgent(url, { agentId: 'a' });
    const other = await world.run();
    await other.offer({ agentId: 'a', session: await world.session('a') });
    await agent.next('job.dispatch');
    expect((await run.types()).filter((type) => type === 'job.unsent')).toHaveLength(1);
    expect(said()).toBe(1);
  });
});
