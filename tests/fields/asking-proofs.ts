/** Proofs of what an agent asks for: approvals, and events that rules hear. */
import { eventually } from '@waybill/process/testing';
import { allSubjects } from '@waybill/protocol';
import { wireSamples } from '@waybill/protocol/samples';
import { expect, it } from 'vitest';
import { type Json, listOf, type World } from './field-world.fixture.ts';
import { echoOf, withJob } from './held-job.ts';
import { fieldsOf, hasFields, readsBack } from './read-back.ts';

const SAMPLES = wireSamples as Readonly<Record<string, Json>>; // by type, which is only known at run time here

export function askingProofs(world: () => World): void {
  it('event.emit becomes a trigger with every field, and is answered with event.emit.response', async () => {
    const repoUrl = 'https://git.example.net/acme/tea.git';
    const { peer, taken } = await withJob(world(), 'emitter', { repoUrl });
    const said = {
      ...wireSamples['event.emit'],
      jobId: taken.job.jobId,
      eventName: 'coverage',
    };
    peer.send(said);
    const receipt = await peer.next('event.emit.response');
    hasFields(receipt, ['requestId', 'deliveryId'], ['error']);
    const { body } = await world().fact(taken.job.runId, 'event.emitted');
    const trigger = await world().api('GET', `/triggers/${String(receipt['deliveryId'])}`);
    const triggers = await world().bodies('WB_TRIGGERS', allSubjects.triggers);
    const data = triggers.find((each) => each['name'] === 'coverage') ?? {};
    const source = data['source'] as Json | undefined; // who emitted it, compared below
    readsBack(said, {
      jobId: source?.['jobId'],
      requestId: receipt['requestId'],
      eventName: body['eventName'],
      payload: data['payload'],
      target: data['target'],
    });
    expect(trigger).toMatchObject({ event: 'coverage' });
    peer.send({ ...said, requestId: 'emit-2', eventName: 'not\u0007printed' });
    expect(await peer.next('event.emit.response')).toHaveProperty('error');
  });

  it.each([
    ['step.approval-request', 'step.approval-resolved'],
    ['job.approval-request', 'job.approval-resolved'],
  ] as const)(
    '%s opens an approval with every field, and its outcome is told as %s',
    async (type, answer) => {
      const name = type === 'step.approval-request' ? 'step' : 'whole';
      const { peer, taken } = await withJob(world(), `asking-${name}`);
      const { runId } = taken.job;
      const echo = type === 'step.approval-request' ? taken.job : echoOf(taken);
      const said = {
        ...SAMPLES[type],
        type,
        ...echo,
        clauses: [{ user: 'ada' }, { team: 'release' }],
      };
      peer.send(said);
      const { body } = await world().fact(runId, 'approval.requested');
      const run = await world().run(
        runId,
        ({ jobs }) => JSON.stringify(jobs[0]?.['approvals']) !== '[]',
      );
      const [open = {}] = listOf(run.jobs[0]?.['approvals']);
      const seconds = Math.round(
        (Date.parse(String(open['expiresAt'])) - Date.parse(String(open['requestedAt']))) / 1_000,
      );
      await world().api('PATCH', '/settings', { teams: { release: ['bob'] } });
      const decide = (user: string, decision: string, reason?: string) =>
        world().api(
          'POST',
          `/approvals/${String(open['id'])}/decision`,
          { decision, ...(reason && { reason }) },
          { 'waybill-user': user },
        );
      await decide('ada', 'approve');
      await decide('bob', 'reject', 'not on a Friday');
      const told = await peer.next(answer);
      hasFields(told, fieldsOf(told.type));
      expect(told).toMatchObject({ ...taken.job, outcome: 'rejected', reason: 'not on a Friday' });
      readsBack(said, {
        messageId: told['requestId'],
        runId: told['runId'],
        jobId: told['jobId'],
        ...(type === 'step.approval-request'
          ? { stepIndex: told['stepIndex'], stepName: open['stepName'] }
          : { attempt: body['attempt'], fence: body['fence'] }),
        clauses: open['clauses'],
        reason: open['reason'],
        timeoutSeconds: seconds,
        payload: body['payload'],
      });
    },
  );

  it('event.emit with target.repos is heard by rules of these repositories alone', async () => {
    const repoUrl = 'https://git.example.net/acme/own.git';
    const { peer, taken } = await withJob(world(), 'targeting', { repoUrl });
    await world().api('PUT', '/rules/hears', {
      apiVersion: 'waybill/v1',
      kind: 'Rule',
      metadata: { name: 'hears' },
      spec: {
        on: { source: 'upstream', event: 'targeted' },
        repo: repoUrl,
        jobs: [{ name: 'one', runsOn: ['nobody'], config: {} }],
      },
    });
    const decision = async (requestId: string, repos: readonly string[]) => {
      const said = { eventName: 'targeted', payload: {}, target: { repos } };
      peer.send({ type: 'event.emit', jobId: taken.job.jobId, requestId, ...said });
      const { deliveryId } = await peer.next('event.emit.response');
      const trigger = () => world().api('GET', `/triggers/${String(deliveryId)}`);
      return eventually(async () => (await trigger())['decision'], { what: 'the decision' });
    };
    expect(await decision('others', ['acme/other'])).toBe('no_rule');
    expect(await decision('own', ['acme/own'])).toBe('run');
  });

  it('agent.register with extensions.approvals keeps an approval open over a reconnect', async () => {
    const { peer, taken } = await withJob(world(), 'waiting');
    const { runId } = taken.job;
    const ask = {
      ...wireSamples['step.approval-request'],
      ...taken.job,
      clauses: [{ user: 'ada' }],
    };
    peer.send(ask);
    await world().fact(runId, 'approval.requested');
    peer.close();
    const { extensions } = wireSamples['agent.register'];
    const inFlightJobs = [taken.job];
    const back = await world().agent({
      agentId: 'waiting',
      labels: ['waiting'],
      extensions,
      inFlightJobs,
    });
    expect(await world().fact(runId, 'agent.resumed')).toMatchObject({
      body: { keepsApprovals: true },
    });
    back.send(ask);
    const run = await world().run(runId);
    const [open = {}] = listOf(run.jobs[0]?.['approvals']);
    const path = `/approvals/${String(open['id'])}/decision`;
    await world().api('POST', path, { decision: 'approve' }, { 'waybill-user': 'ada' });
    expect(await back.next('step.approval-resolved')).toMatchObject({ outcome: 'approved' });
  });
}
