import { eventually } from '@waybill/process/testing';
import { describe, expect, it } from 'vitest';
import {
  allExtensions,
  dispatchOf,
  heldRun,
  jobInHand,
  startManualTrial,
} from './trial.fixture.ts';

const keeping = { ...allExtensions, granted: false, agentWork: true, approvals: true };

describe('an emitted event', () => {
  it('resolves with the receipt of the server', async () => {
    const { handle, server } = await jobInHand({
      reply: (message) =>
        message.type === 'event.emit'
          ? [{ type: 'event.emit.response', requestId: message.requestId, deliveryId: 'd1' }]
          : [],
    });
    expect(await handle.emit('built', { version: '1' }, { repos: ['a/b'] })).toEqual({
      deliveryId: 'd1',
    });
    expect(server.of('event.emit')[0]).toMatchObject({
      jobId: 'j1',
      eventName: 'built',
      payload: { version: '1' },
      target: { repos: ['a/b'] },
    });
  });

  it('fails with the reason of the server', async () => {
    const { handle } = await jobInHand({
      reply: (message) =>
        message.type === 'event.emit'
          ? [{ type: 'event.emit.response', requestId: message.requestId, error: 'too deep' }]
          : [],
    });
    await expect(handle.emit('built', {})).rejects.toMatchObject({
      code: 'refused',
      message: 'too deep',
    });
  });

  it('without a receipt within 5 s fails, and none is made up', async () => {
    const { run, jobs } = heldRun();
    const { server, clock } = await startManualTrial(run);
    server.send(dispatchOf('j1'));
    const { handle } = await eventually(() => jobs.get('j1'));
    const emitted = handle.emit('built', {});
    const failed = emitted.catch((error: unknown) => error);
    await server.next('event.emit');
    await clock.advance(5_000);
    expect(await failed).toMatchObject({ code: 'no-answer' });
  });

  it('that the protocol does not allow never leaves', async () => {
    const { handle, server } = await jobInHand();
    await expect(handle.emit('', {})).rejects.toMatchObject({ code: 'invalid' });
    await expect(handle.emit('x', { big: 1n })).rejects.toMatchObject({ code: 'invalid' });
    expect(server.of('event.emit')).toEqual([]);
  });

  it('fails when the connection is lost, and at once while there is none', async () => {
    const { handle, server, agent } = await jobInHand();
    const emitted = handle.emit('built', {});
    const failed = emitted.catch((error: unknown) => error);
    await server.next('event.emit');
    await server.shut();
    expect(await failed).toMatchObject({ code: 'away' });
    await eventually(() => agent.state === 'away');
    await expect(handle.emit('built', {})).rejects.toMatchObject({ code: 'away' });
  });
});

describe('an approval', () => {
  const ask = { step: { index: 2, name: 'deploy' }, clauses: [{ team: 'ops' }], reason: 'go?' };

  it('is waited for, with heartbeats, as long as it takes', async () => {
    const { run, jobs } = heldRun();
    const { server, clock } = await startManualTrial(run);
    server.send(dispatchOf('j1'));
    const { handle } = await eventually(() => jobs.get('j1'));
    const answer = handle.approve({ ...ask, timeoutSeconds: 7_200 });
    const request = await server.next('step.approval-request');
    expect(request).toMatchObject({
      stepIndex: 2,
      stepName: 'deploy',
      clauses: [{ team: 'ops' }],
      timeoutSeconds: 7_200,
    });
    for (const nth of [1, 2, 3]) {
      await clock.advance(30_000);
      await clock.advance(30_000);
      await server.next('job.heartbeat', undefined, { nth });
    }
    server.send({
      type: 'step.approval-resolved',
      requestId: request.messageId,
      runId: 'run-1',
      jobId: 'j1',
      stepIndex: 2,
      outcome: 'approved',
      reason: 'fine',
    });
    expect(await answer).toEqual({ outcome: 'approved', reason: 'fine' });
  });

  it('fails with the connection where the server does not keep it', async () => {
    const { handle, server } = await jobInHand();
    const answer = handle.approve(ask);
    const failed = answer.catch((error: unknown) => error);
    await server.next('step.approval-request');
    server.cut();
    expect(await failed).toMatchObject({ code: 'away' });
  });

  it('is asked again under its id after a reconnect where the server keeps it', async () => {
    const { handle, server, agent } = await jobInHand({ extensions: keeping });
    const answer = handle.approve(ask);
    const first = await server.next('step.approval-request');
    await server.shut();
    await eventually(() => agent.state === 'away');
    const whileAway = handle.approve({ reason: 'the whole job' });
    await server.open();
    const again = await server.next('step.approval-request', undefined, { nth: 2 });
    expect(again).toEqual(first);
    const ofJob = await server.next('job.approval-request');
    expect(ofJob).toMatchObject({ reason: 'the whole job', clauses: [], fence: 7 });
    const of = { runId: 'run-1', jobId: 'j1' };
    server.send({
      type: 'step.approval-resolved',
      requestId: again.messageId,
      ...of,
      stepIndex: 2,
      outcome: 'rejected',
    });
    server.send({
      type: 'job.approval-resolved',
      requestId: ofJob.messageId,
      ...of,
      outcome: 'expired',
    });
    expect(await answer).toEqual({ outcome: 'rejected' });
    expect(await whileAway).toEqual({ outcome: 'expired' });
  });

  it('ends with its job', async () => {
    const { handle, server } = await jobInHand({ extensions: keeping });
    const answer = handle.approve(ask);
    const failed = answer.catch((error: unknown) => error);
    await server.next('step.approval-request');
    server.send({ type: 'job.cancel', messageId: 'c', runId: 'run-1', jobId: 'j1', reason: 'no' });
    expect(await failed).toMatchObject({ name: 'JobAborted' });
  });
});

describe('a group', () => {
  it.each([
    ['proceed', { action: 'proceed' }],
    ['cancel', { action: 'cancel' }],
  ] as const)('answers %s', async (action, answer) => {
    const { handle } = await jobInHand({
      reply: (message) =>
        message.type === 'job.concurrency.report'
          ? [{ type: 'job.concurrency.ack', requestId: message.messageId, action }]
          : [],
    });
    expect(await handle.concurrency('deploy')).toEqual(answer);
  });
});
