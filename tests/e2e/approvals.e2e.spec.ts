/** Approvals as a whole: an agent over plain WebSocket asks, people answer, everything between them is real. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '@waybill/process/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  type Frame,
  type PlainAgent,
  type RegisterOptions,
  registerAgent,
} from '../support/plain-agent.ts';
import { type Home, openHome } from './waybill.fixture.ts';

const Approval = z.looseObject({
  id: z.string(),
  runId: z.string(),
  state: z.string(),
  reason: z.string(),
});
const Credentials = z.looseObject({ agentToken: z.string(), apiKey: z.string() });
const Approvals = z.looseObject({ items: z.array(Approval) });
const Run = z.looseObject({
  runId: z.string(),
  state: z.string(),
  jobs: z.array(
    z.looseObject({
      state: z.string(),
      failure: z.string().nullable(),
      blockedBy: z.array(z.looseObject({ kind: z.string(), detail: z.string() })),
      approvals: z.array(z.looseObject({ id: z.string(), state: z.string() })),
    }),
  ),
  anomalies: z.number(),
});
type Run = z.infer<typeof Run>;

describe('approvals', { timeout: 60_000 }, () => {
  let home: Home;
  let token: string;
  let apiKey: string;
  const agents: PlainAgent[] = [];

  beforeAll(async () => {
    home = await openHome();
    await home.up();
    const credentials = await readFile(join(home.folder, 'credentials.json'), 'utf8');
    ({ agentToken: token, apiKey } = Credentials.parse(JSON.parse(credentials)));
    const set = await home.run(['orgs', 'set', '--team', 'ops=bob', '--approval-timeout', '1h']);
    expect(set.stdout).toContain('team ops  bob');
  }, 90_000);
  afterAll(() => home.close(), 60_000);
  afterEach(() => {
    for (const agent of agents.splice(0)) agent.close();
  });

  const agent = async (o: Omit<RegisterOptions, 'token'>): Promise<PlainAgent> => {
    const one = await registerAgent(`ws://127.0.0.1:${home.port}/ws`, { ...o, token });
    agents.push(one);
    return one;
  };
  const call = async <S extends z.ZodType>(
    schema: S,
    path: string,
    o: Readonly<{ body?: object; user?: string }> = {},
  ): Promise<z.infer<S>> => {
    const answer = await fetch(`http://127.0.0.1:${home.port}/v1/orgs/main${path}`, {
      headers: {
        authorization: `Bearer ${apiKey}`,
        'content-type': 'application/json',
        ...(o.user === undefined ? {} : { 'waybill-user': o.user }),
      },
      ...(o.body === undefined ? {} : { method: 'POST', body: JSON.stringify(o.body) }),
    });
    return schema.parse(await answer.json());
  };
  const create = async (job: object): Promise<string> => {
    const jobs = [{ name: 'ship', runsOn: ['linux'], steps: [{ run: 'true' }], ...job }];
    return (await call(z.looseObject({ runId: z.string() }), '/runs', { body: { jobs } })).runId;
  };
  const until = (runId: string, is: (run: Run) => boolean): Promise<Run> =>
    eventually(
      async () => {
        const run = Run.safeParse(await call(z.unknown(), `/runs/${runId}`)).data;
        return run !== undefined && is(run) ? run : undefined;
      },
      { withinMs: 20_000, what: `run ${runId}` },
    );
  const open = (runId: string, index = 1) =>
    eventually(
      async () =>
        (await call(Approvals, `/approvals?state=open&runId=${runId}`)).items.find(({ id }) =>
          id.endsWith(`-p${index}`),
        ),
      { withinMs: 20_000, what: `an open approval of ${runId}` },
    );
  const decide = (id: string, decision: string, user: string, reason?: string) =>
    call(
      z.looseObject({ code: z.string().optional(), detail: z.string().optional() }),
      `/approvals/${id}/decision`,
      {
        body: { decision, ...(reason === undefined ? {} : { reason }) },
        user,
      },
    );
  const jobOf = ({ runId, jobId }: Frame) => ({ runId: String(runId), jobId: String(jobId) });
  const takes = async (one: PlainAgent): Promise<ReturnType<typeof jobOf>> => {
    const job = jobOf(await one.next('job.dispatch'));
    one.send({ type: 'job.ack', messageId: 'ack', ...job, timestamp: 1 });
    return job;
  };
  const asks = (one: PlainAgent, job: ReturnType<typeof jobOf>, more: object = {}): void =>
    one.send({
      type: 'step.approval-request',
      messageId: 'may-i',
      ...job,
      stepIndex: 0,
      stepName: 'deploy',
      clauses: [{ user: 'ada' }],
      reason: 'it goes live',
      ...more,
    });
  const ends = (one: PlainAgent, job: ReturnType<typeof jobOf>, state: string): void =>
    one.send({ type: 'job.status', messageId: `end-${state}`, ...job, state, timestamp: 1 });

  it('let a held job go once all who are asked have approved, and a step once one has', async () => {
    const one = await agent({ agentId: 'a1' });
    const runId = await create({ approval: { users: ['ada'], teams: ['ops'], reason: 'live' } });
    const { id } = await open(runId, 0);
    const held = await call(Run, `/runs/${runId}`);
    expect(held.jobs[0]).toMatchObject({
      state: 'held',
      blockedBy: [{ kind: 'held', detail: 'waits for approval by ada and a member of ops' }],
    });
    expect((await home.run(['approvals', 'ls'])).stdout).toContain('ada and team ops');
    expect(await decide(id, 'approve', 'eve')).toMatchObject({ code: 'not-an-approver' });
    const said = await home.run(['approvals', 'decide', id, 'approve', '--user', 'ada']);
    expect(said.stdout).toContain('approved by ada');
    expect(one.count('job.dispatch')).toBe(0);
    await decide(id, 'approve', 'bob');
    const job = await takes(one);
    asks(one, job);
    const step = await open(runId);
    expect(step).toMatchObject({ id: `${job.jobId}-p1`, reason: 'it goes live' });
    await decide(step.id, 'approve', 'ada');
    expect(await one.next('step.approval-resolved')).toMatchObject({
      requestId: 'may-i',
      ...job,
      stepIndex: 0,
      outcome: 'approved',
    });
    ends(one, job, 'success');
    const done = await until(runId, ({ state }) => state === 'success');
    expect(done.anomalies).toBe(0);
    const late = await decide(step.id, 'reject', 'ada');
    expect(late).toMatchObject({
      code: 'approval-settled',
      detail: expect.stringContaining('approved') as unknown,
    });
  });

  it('end a held job that is rejected, and tell an agent who says no and why', async () => {
    const one = await agent({ agentId: 'a2' });
    const heldRun = await create({ approval: { users: ['ada'] } });
    const { id } = await open(heldRun, 0);
    await decide(id, 'reject', 'ada');
    const failed = await until(heldRun, ({ state }) => state === 'failed');
    expect(failed.jobs[0]).toMatchObject({ failure: 'approval_rejected' });
    const runId = await create({});
    const job = await takes(one);
    asks(one, job);
    await decide((await open(runId)).id, 'reject', 'ada', 'on a Friday');
    expect(await one.next('step.approval-resolved')).toMatchObject({
      outcome: 'rejected',
      reason: 'on a Friday',
    });
    ends(one, job, 'failed');
    await until(runId, ({ state }) => state === 'failed');
  });

  it('expire when nobody answers in time', async () => {
    const one = await agent({ agentId: 'a3' });
    const runId = await create({});
    const job = await takes(one);
    asks(one, job, { timeoutSeconds: 1 });
    expect(await one.next('step.approval-resolved')).toMatchObject({ outcome: 'expired' });
    ends(one, job, 'failed');
    await until(runId, ({ state }) => state === 'failed');
    const heldRun = await create({ approval: { timeoutMs: 1_000 } });
    const failed = await until(heldRun, ({ state }) => state === 'failed');
    expect(failed.jobs[0]).toMatchObject({ failure: 'approval_expired' });
  });

  it('outlast a reconnect of an agent that keeps waiting, and are told again when it asks again', async () => {
    const speaks = { agentId: 'a4', extended: true, approvals: true };
    const one = await agent(speaks);
    const runId = await create({});
    const job = await takes(one);
    asks(one, job);
    const { id } = await open(runId);
    one.drop();
    await until(runId, ({ jobs }) => jobs[0]?.state === 'recovering');
    await decide(id, 'approve', 'ada');
    await until(runId, ({ jobs }) => jobs[0]?.approvals[0]?.state === 'approved');
    const back = await agent({ ...speaks, inFlightJobs: [job] });
    asks(back, job);
    expect(await back.next('step.approval-resolved')).toMatchObject({
      requestId: 'may-i',
      outcome: 'approved',
    });
    ends(back, job, 'success');
    const done = await until(runId, ({ state }) => state === 'success');
    expect(done.jobs[0]?.approvals).toHaveLength(1);
  });

  it('end with the connection of an agent that knows no better: it asks anew', async () => {
    const one = await agent({ agentId: 'a5' });
    const runId = await create({});
    const job = await takes(one);
    asks(one, job);
    const first = await open(runId);
    one.drop();
    await until(runId, ({ jobs }) => jobs[0]?.state === 'recovering');
    const back = await agent({ agentId: 'a5', inFlightJobs: [job] });
    await until(runId, ({ jobs }) => jobs[0]?.approvals[0]?.state === 'withdrawn');
    asks(back, job);
    const second = await open(runId, 2);
    expect([first.id, second.id]).toEqual([`${job.jobId}-p1`, `${job.jobId}-p2`]);
    const old = await decide(first.id, 'approve', 'ada');
    expect(old.detail).toContain('withdrawn');
    await decide(second.id, 'approve', 'ada');
    expect(await back.next('step.approval-resolved')).toMatchObject({ outcome: 'approved' });
    ends(back, job, 'success');
    await until(runId, ({ state }) => state === 'success');
  });
});
