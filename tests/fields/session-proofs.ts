/** Proofs of what agents and Waybill say of themselves: signing in, registering, reports of room and health, the agent's own log. */
import { eventually } from '@waybill/process/testing';
import { subjects } from '@waybill/protocol';
import { wireSamples } from '@waybill/protocol/samples';
import { expect, it } from 'vitest';
import type { World } from './field-world.fixture.ts';
import { hasFields, readsBack } from './read-back.ts';

const HOST = [
  'platform',
  'arch',
  'version',
  'hostname',
  'osRelease',
  'osVersion',
  'totalMemoryMb',
  'cpuCount',
  'nodeVersion',
  'runningAsUser',
  'runningAsUid',
] as const;
const register = wireSamples['agent.register'];

export function sessionProofs(world: () => World): void {
  it('auth.request lets in whoever has the token and the version: auth.success or auth.failure', async () => {
    const { token, socket } = world();
    const outcome = async (said: object) => {
      const peer = await socket();
      peer.send({ type: 'auth.request', ...said });
      const type = await Promise.race([
        peer.next('auth.success'),
        peer.closed.then((code) => ({ ...peer.frames.at(-1), code })),
      ]);
      return type as Readonly<Record<string, unknown>> & { type: string }; // both are frames that came
    };
    const good = await outcome({ token, protocolVersion: 1 });
    hasFields(good, ['connectionId']);
    const stranger = await outcome({ token: 'another', protocolVersion: 1 });
    hasFields(stranger, ['reason']);
    expect(stranger).toMatchObject({ type: 'auth.failure', code: 4010 });
    expect(await outcome({ token, protocolVersion: 0 })).toMatchObject({ code: 4005 });
    readsBack(
      { type: 'auth.request', token, protocolVersion: 1 },
      { token: good.type === 'auth.success' ? token : '', protocolVersion: 1 },
    );
  });

  it('agent.register is kept with every field, shown as a row, and decides who gets which job', async () => {
    const { agent, agentFact, api, start, take, fact, run, token, socket } = world();
    const said = {
      ...register,
      agentId: 'registered',
      labels: ['registered', 'fast'],
      inFlightJobs: [],
    };
    const peer = await agent(said);
    const stored = (await agentFact('registered', 'registered')).body;
    const row = await eventually(() => api('GET', '/agents/registered'), { what: 'its row' });
    const host = row['host'] as Readonly<Record<string, unknown>>; // an object of the row, compared below
    // As many jobs as it takes at once, each for the labels that it has.
    const jobs = [0, 1, 2].map((at) => ({
      name: `job-${at}`,
      runsOn: ['registered', 'fast'],
      config: {},
    }));
    const runId = await start({ jobs });
    const [first] = [await take(peer), await take(peer)];
    const waiting = await run(runId, ({ jobs: all }) =>
      all.some((job) => job['state'] === 'queued'),
    );
    const offered = waiting.jobs.filter((job) => job['agentId'] === 'registered').length;
    // Back with one of them in hand.
    const back = await socket();
    back.send({ type: 'auth.request', token, protocolVersion: 1 });
    await back.next('auth.success');
    back.send({ ...said, inFlightJobs: [first.job] });
    await back.next('register.ack');
    await fact(runId, 'agent.resumed');
    const again = (
      await agentFact('registered', 'registered', (body) =>
        JSON.stringify(body['inFlightJobs']).includes(first.job.jobId),
      )
    ).body;
    readsBack(
      { ...said, inFlightJobs: [first.job] },
      {
        messageId: stored['messageId'],
        agentId: row['agentId'],
        labels: row['labels'],
        maxConcurrency: offered,
        inFlightJobs: again['inFlightJobs'],
        ...Object.fromEntries(HOST.map((name) => [name, host[name]])),
        properties: stored['properties'],
        extensions: stored['extensions'],
      },
    );
    expect(row['maxConcurrency']).toBe(2);
    back.close();
  });

  it('register.ack confirms the name, the labels, the session and the extensions', async () => {
    const { agent, agentFact, socket, token } = world();
    const peer = await agent({ ...register, agentId: 'confirmed', inFlightJobs: [] });
    const frame = peer.frames.find(({ type }) => type === 'register.ack') ?? { type: '' };
    hasFields(
      frame,
      ['agentId', 'labels', 'scalerManaged', 'sessionId', 'extensions'],
      ['pendingDispatch'],
    );
    const { seq } = await agentFact('confirmed', 'registered');
    expect(frame).toMatchObject({
      agentId: 'confirmed',
      labels: register.labels,
      scalerManaged: false,
      sessionId: String(seq),
      extensions: register.extensions,
    });
    // Who asks for nothing is told nothing of it.
    const plain = await socket();
    plain.send({ type: 'auth.request', token, protocolVersion: 1 });
    await plain.next('auth.success');
    plain.send({ type: 'agent.register', messageId: 'm', agentId: 'plain', labels: [] });
    expect(await plain.next('register.ack')).not.toHaveProperty('extensions');
  });

  it('config.ack, agent.status and agent.log are kept as they came', async () => {
    const { agent, agentFact, bodies, org, api } = world();
    const peer = await agent({ agentId: 'reporter' });
    const own = { agentId: 'reporter' };
    const config = { ...wireSamples['config.ack'], ...own };
    const status = { ...wireSamples['agent.status'], ...own };
    const log = { ...wireSamples['agent.log'], ...own };
    for (const frame of [config, status, log]) peer.send(frame);
    const acked = (await agentFact('reporter', 'config_acked')).body;
    readsBack(config, { messageId: acked['messageId'], agentId: acked['agentId'] });
    const stored = (await agentFact('reporter', 'status')).body;
    readsBack(status, {
      messageId: stored['messageId'],
      agentId: stored['agentId'],
      activeJobs: stored['activeJobs'],
      memoryUsedMb: stored['memoryUsedMb'],
      memoryAvailableMb: stored['memoryAvailableMb'],
      uptimeSeconds: stored['uptimeSeconds'],
    });
    await expect
      .poll(async () => (await api('GET', '/agents/reporter'))['lastStatus'], { timeout: 10_000 })
      .toMatchObject({ activeJobs: 1 });
    const [line = {}] = await expect
      .poll(() => bodies('WB_LOGS', subjects.agentLog(org, 'reporter')), { timeout: 10_000 })
      .toHaveLength(1)
      .then(() => bodies('WB_LOGS', subjects.agentLog(org, 'reporter')));
    readsBack(log, {
      messageId: line['messageId'],
      agentId: line['agentId'],
      lines: line['lines'],
      timestamp: line['timestamp'],
    });
    // In the name of somebody else nothing is kept.
    peer.send({ ...status, agentId: 'somebody-else' });
    await agentFact('reporter', 'violation', (body) => body['code'] === 'foreign-agent');
  });

  it('heartbeat, ack, nack, error and agent.metrics are taken, stored nowhere, and disturb nothing', async () => {
    const { agent, agentFact, bodies, org } = world();
    const peer = await agent({ agentId: 'chatty' });
    const harmless = ['heartbeat', 'ack', 'nack', 'error', 'agent.metrics'] as const;
    for (const type of harmless) {
      const { timestamp, messageId, reason, code, message } = { ...wireSamples[type] } as Readonly<
        Record<string, unknown>
      >; // read by name below
      const { agentId: _, metrics } = wireSamples['agent.metrics'];
      peer.send({ type, timestamp, messageId, reason, code, message, agentId: 'chatty', metrics });
    }
    peer.send({ type: 'agent.status', messageId: 'after', agentId: 'chatty', activeJobs: 0 });
    await agentFact('chatty', 'status', (body) => body['messageId'] === 'after');
    const stored = JSON.stringify(await bodies('WB_AGENTS', subjects.agent(org, 'chatty', '*')));
    expect(stored).not.toContain('job_seconds');
    expect(stored).not.toContain('violation');
    // What it sent wrongly is named to it, and never repeated.
    peer.send({ type: 'agent.telepathy' });
    const error = await peer.next('error');
    hasFields(error, ['code', 'message']);
    expect(error['code']).toBe('UNKNOWN_TYPE');
  });

  it('agent.api.request is answered by its requestId with an agent.api.response that names the method', async () => {
    const { agent } = world();
    const peer = await agent({ agentId: 'caller' });
    const call = wireSamples['agent.api.request'];
    peer.send(call);
    const answer = await peer.next('agent.api.response');
    hasFields(answer, ['requestId', 'error'], ['result']);
    readsBack(
      call,
      { requestId: answer['requestId'], method: String(answer['error']).split('"')[1] },
      ['params'],
    );
    expect(call.params, 'they are sent, and change nothing').toBeDefined();
  });

  it('fleet.logs.request asks for an agent’s log, and its fleet.bundle.chunk frames come out as one archive', async () => {
    const { agent, agentFact, api } = world();
    const peer = await agent({ agentId: 'logger' });
    await expect
      .poll(() => api('GET', '/agents/logger'), { timeout: 10_000 })
      .toMatchObject({ state: 'online' });
    const collected = api('POST', '/agents/logger/logs', { hours: 2, maxBytes: 1_000 }).catch(
      String,
    );
    const asked = await peer.next('fleet.logs.request');
    hasFields(asked, ['requestId', 'logWindowHours', 'maxBytes']);
    expect(asked).toMatchObject({ logWindowHours: 2, maxBytes: 1_000 });
    const { requestId } = asked;
    const part = (seq: number, text: string, isLast: boolean) => ({
      type: 'fleet.bundle.chunk',
      requestId,
      seq,
      isLast,
      dataB64: Buffer.from(text).toString('base64'),
    });
    // The bytes are an archive of our own: JSON, so that it can be read here.
    peer.send(part(0, '{"lines":', false));
    peer.send(part(1, '["up"]}', true));
    expect(await collected).toEqual({ lines: ['up'] });
    expect((await agentFact('logger', 'logs_collected')).body).toMatchObject({ requestId });
    const failed = api('POST', '/agents/logger/logs').catch(String);
    const second = await peer.next('fleet.logs.request');
    const error = { ...wireSamples['fleet.bundle.error'], requestId: second['requestId'] };
    peer.send({ ...error });
    const told = await agentFact('logger', 'logs_failed');
    readsBack(
      { ...error, requestId: String(second['requestId']) },
      {
        requestId: told.body['requestId'],
        message: String(told.body['message']).replace('the agent says: ', ''),
      },
    );
    expect(JSON.stringify(await failed)).toContain(error.message);
  });
}
