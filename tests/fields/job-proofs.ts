/** Proofs of what an agent answers and how its job ends: ack, reject, heartbeats, statuses and their acknowledgements. */
import { sealRunOutput } from '@waybill/process';
import { subjects } from '@waybill/protocol';
import { wireSamples } from '@waybill/protocol/samples';
import { expect, it } from 'vitest';
import type { World } from './field-world.fixture.ts';
import { echoOf, end, withJob } from './held-job.ts';
import { hasFields, readsBack } from './read-back.ts';

export function jobProofs(world: () => World): void {
  it('job.ack is kept as it came and answered with job.granted, job.reject gives the job back', async () => {
    const { peer, taken } = await withJob(world(), 'answering');
    const { runId } = taken.job;
    const { body } = await world().fact(runId, 'job.ack');
    readsBack(
      { type: 'job.ack', messageId: `ack-${taken.job.jobId}`, timestamp: 1, ...echoOf(taken) },
      {
        messageId: body['messageId'],
        runId: body['runId'],
        jobId: body['jobId'],
        timestamp: body['timestamp'],
        attempt: body['attempt'],
        fence: body['fence'],
      },
    );
    const granted = await peer.next('job.granted');
    hasFields(granted, ['runId', 'jobId', 'attempt', 'fence', 'leaseMs']);
    expect(granted).toMatchObject({ ...echoOf(taken), leaseMs: 120_000 });
    peer.send(end(taken));

    await world().start({ jobs: [{ name: 'two', runsOn: ['answering'], config: {} }] });
    const offered = await peer.next('job.dispatch');
    const { attempt, fence } = offered;
    const job = { runId: String(offered['runId']), jobId: String(offered['jobId']) };
    const reject = { ...wireSamples['job.reject'], ...job, attempt, fence };
    peer.send(reject);
    const rejected = (await world().fact(job.runId, 'job.reject')).body;
    readsBack(reject, {
      messageId: rejected['messageId'],
      runId: rejected['runId'],
      jobId: rejected['jobId'],
      reason: rejected['reason'],
      timestamp: rejected['timestamp'],
      attempt: rejected['attempt'],
      fence: rejected['fence'],
    });
    const run = await world().run(job.runId, ({ jobs }) =>
      JSON.stringify(jobs[0]?.['attempts']).includes('"busy"'),
    );
    expect(run.jobs[0]?.['attempts']).toMatchObject([{ resolution: 'rejected', cause: 'busy' }]);
  });

  it('job.heartbeat is kept and answered with the lease, job.status ends the job and is acknowledged', async () => {
    const { peer, taken } = await withJob(world(), 'beating', {
      jobs: [
        { name: 'one', runsOn: ['beating'], config: {} },
        { name: 'lint', needs: ['one'], runsOn: ['nobody'], config: {} },
      ],
    });
    const { runId } = taken.job;
    await peer.next('job.granted');
    const beat = { ...wireSamples['job.heartbeat'], ...echoOf(taken) };
    peer.send(beat);
    const answer = await peer.next('job.heartbeat.ack');
    hasFields(answer, ['runId', 'jobId', 'attempt', 'fence', 'leaseMs']);
    const [kept = {}] = await world().bodies(
      'WB_HEARTBEATS',
      subjects.heartbeat(world().org, runId, taken.job.jobId),
    );
    readsBack(beat, {
      runId: kept['runId'],
      jobId: kept['jobId'],
      timestamp: kept['timestamp'],
      attempt: kept['attempt'],
      fence: kept['fence'],
    });
    const publicKey = String(taken.dispatch['runPublicKey']);
    const place = { runId, jobId: taken.job.jobId, name: 'url' };
    const secretOutputs = { url: await sealRunOutput(publicKey, place, 'hidden') };
    const said = { ...wireSamples['job.status'], ...echoOf(taken), secretOutputs };
    peer.send(said);
    const ack = await peer.next('job.status.ack');
    hasFields(ack, ['messageId', 'runId', 'jobId']);
    const { body } = await world().fact(runId, 'job.status');
    const run = await world().run(runId, ({ state }) => state === 'success');
    readsBack(said, {
      messageId: ack['messageId'],
      runId: body['runId'],
      jobId: body['jobId'],
      state: run.jobs[0]?.['state'],
      timestamp: body['timestamp'],
      data: body['data'],
      droppedJobs: run.jobs
        .filter((job) => job['state'] === 'drift_dropped')
        .map((job) => job['name']),
      secretOutputs: body['secretOutputs'],
      attempt: body['attempt'],
      fence: body['fence'],
    });
    expect(run.jobs[0]?.['secretOutputs']).toEqual(['url']);
    expect(JSON.stringify(run)).not.toContain(secretOutputs.url.encrypted);
  });
}
