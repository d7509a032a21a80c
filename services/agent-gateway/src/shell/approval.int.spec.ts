/** Approvals over a real socket: what an agent asks becomes a fact, what was decided about it is told to the session that it is on. */
import { startTestServers } from '@waybill/embedded';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type PlainAgent,
  type RegisterOptions,
  registerAgent,
} from '../../../../tests/support/plain-agent.ts';
import { type LogWorld, openLogWorld, type TestRun } from './log-world.fixture.ts';

let servers: Awaited<ReturnType<typeof startTestServers>>;
let world: LogWorld;
let url: string;

beforeAll(async () => {
  servers = await startTestServers({ postgres: false });
});
afterAll(async () => {
  await servers.stop();
});
beforeEach(async () => {
  world = await openLogWorld(servers.nats);
  ({ url } = await world.gateway());
});
afterEach(async () => {
  await world.close();
});

const jobOf = (run: TestRun) => ({ runId: run.runId, jobId: run.wireId() });

async function running(o: Partial<RegisterOptions> = {}): Promise<[PlainAgent, TestRun]> {
  const agent = await registerAgent(url, { agentId: 'a', ...o });
  const run = await world.run();
  await run.offer({ agentId: 'a', session: await world.session('a') });
  await agent.next('job.dispatch');
  agent.send({ type: 'job.ack', messageId: 'ack', ...jobOf(run), timestamp: 1 });
  await run.jobState('running');
  return [agent, run];
}
const asks = (agent: PlainAgent, run: TestRun, messageId = 'may-i'): void =>
  agent.send({
    type: 'step.approval-request',
    messageId,
    ...jobOf(run),
    stepIndex: 2,
    stepName: 'deploy',
    clauses: [{ user: 'ada' }],
    reason: 'it goes live',
  });
type Outcome = 'approved' | 'rejected' | 'expired';
const resolves = (run: TestRun, outcome: Outcome, reason?: string): Promise<number> =>
  run.decide(
    'approval.resolved',
    {
      jobId: run.jobId(),
      attempt: 1,
      approvalId: `${run.jobId()}-p1`,
      requestId: 'may-i',
      outcome,
      ...(reason === undefined ? {} : { reason }),
    },
    'a',
  );
const back = (run: TestRun, o: Partial<RegisterOptions> = {}): Promise<PlainAgent> =>
  registerAgent(url, { agentId: 'a', inFlightJobs: [jobOf(run)], ...o });
const answer = (run: TestRun) => ({ requestId: 'may-i', ...jobOf(run) });

describe('an agent of the published protocol', () => {
  it('waits for people, and is told that they approve', async () => {
    const [agent, run] = await running();
    asks(agent, run);
    await run.has('approval.requested');
    const [approval] = (await run.job()).approvals;
    expect(approval).toMatchObject({ id: `${run.jobId()}-p1`, stepIndex: 2, outcome: null });
    expect((await run.job()).attempts[0]?.waitingSince).not.toBeNull();
    expect(agent.count('step.approval-resolved')).toBe(0);
    await run.votes(`${run.jobId()}-p1`, 'approve');
    await resolves(run, 'approved');
    expect(await agent.next('step.approval-resolved')).toEqual({
      type: 'step.approval-resolved',
      ...answer(run),
      stepIndex: 2,
      outcome: 'approved',
    });
    expect((await run.job()).attempts[0]?.waitingSince).toBeNull();
    expect((await run.fold()).anomalies).toBe(0);
  });

  it('is told that somebody rejects, and why', async () => {
    const [agent, run] = await running();
    asks(agent, run);
    await run.has('approval.requested');
    await run.votes(`${run.jobId()}-p1`, 'reject', 'not on a Friday');
    await resolves(run, 'rejected', 'not on a Friday');
    expect(await agent.next('step.approval-resolved')).toMatchObject({
      outcome: 'rejected',
      reason: 'not on a Friday',
    });
  });

  it('is told nothing that the votes do not say', async () => {
    const [agent, run] = await running();
    asks(agent, run);
    await run.has('approval.requested');
    await resolves(run, 'approved');
    await resolves(run, 'expired');
    await run.votes(`${run.jobId()}-p1`, 'reject');
    await resolves(run, 'rejected');
    expect(await agent.next('step.approval-resolved')).toMatchObject({ outcome: 'rejected' });
    expect(agent.count('step.approval-resolved')).toBe(1);
  });

  it('does not wait any more once it is back: it is told nothing, and asks anew', async () => {
    const [agent, run] = await running();
    asks(agent, run);
    await run.has('approval.requested');
    agent.drop();
    await run.jobState('recovering');
    const again = await back(run);
    expect((await run.has('agent.resumed')).body.keepsApprovals).toBeUndefined();
    await run.votes(`${run.jobId()}-p1`, 'approve');
    await resolves(run, 'approved');
    asks(again, run);
    await run.has('approval.requested', 2);
    expect((await run.job()).approvals).toMatchObject([
      { outcome: 'withdrawn' },
      { id: `${run.jobId()}-p2`, outcome: null },
    ]);
    expect(again.count('step.approval-resolved')).toBe(0);
  });

  it('is answered at once where it asks once more for what it was told, and where nobody waits for its job', async () => {
    const [agent, run] = await running();
    asks(agent, run);
    await run.has('approval.requested');
    await run.votes(`${run.jobId()}-p1`, 'approve');
    await resolves(run, 'approved');
    await agent.next('step.approval-resolved');
    asks(agent, run);
    expect(await agent.next('step.approval-resolved')).toMatchObject({ outcome: 'approved' });
    const other = { ...run, wireId: () => run.wireId(2) };
    asks(agent, other, 'not-mine');
    expect(await agent.next('step.approval-resolved')).toMatchObject({
      requestId: 'not-mine',
      outcome: 'rejected',
    });
  });
});

describe('an agent that keeps waiting over a reconnect', () => {
  const speaks = { extended: true, approvals: true } as const;

  it('asks again on its new session, and is told there what people say', async () => {
    const [agent, run] = await running(speaks);
    asks(agent, run);
    await run.has('approval.requested');
    agent.drop();
    await run.jobState('recovering');
    const again = await back(run, speaks);
    expect((await run.has('agent.resumed')).body.keepsApprovals).toBe(true);
    asks(again, run);
    await run.has('approval.requested', 2);
    await run.votes(`${run.jobId()}-p1`, 'approve');
    await resolves(run, 'approved');
    expect(await again.next('step.approval-resolved')).toMatchObject({
      ...answer(run),
      outcome: 'approved',
    });
    expect((await run.fold()).anomalies).toBe(0);
    expect((await run.job()).approvals).toHaveLength(1);
  });

  it('is told once more what was decided while it was away, when it asks again', async () => {
    const [agent, run] = await running(speaks);
    asks(agent, run);
    await run.has('approval.requested');
    agent.drop();
    await run.jobState('recovering');
    await run.votes(`${run.jobId()}-p1`, 'reject');
    await resolves(run, 'rejected');
    const again = await back(run, speaks);
    asks(again, run);
    await run.has('approval.requested', 2);
    expect(again.count('step.approval-resolved')).toBe(0);
    await resolves(run, 'rejected', 'no');
    expect(await again.next('step.approval-resolved')).toMatchObject({
      ...answer(run),
      outcome: 'rejected',
    });
    expect((await run.fold()).anomalies).toBe(0);
  });

  it('may ask for its job as a whole, and is answered in kind', async () => {
    const [agent, run] = await running(speaks);
    agent.send({
      type: 'job.approval-request',
      messageId: 'may-i',
      ...jobOf(run),
      clauses: [],
      reason: 'it goes live',
    });
    await run.has('approval.requested');
    expect((await run.job()).approvals).toMatchObject([{ stepIndex: null }]);
    await run.votes(`${run.jobId()}-p1`, 'approve');
    await resolves(run, 'approved');
    expect(await agent.next('job.approval-resolved')).toEqual({
      type: 'job.approval-resolved',
      ...answer(run),
      outcome: 'approved',
    });
  });
});
