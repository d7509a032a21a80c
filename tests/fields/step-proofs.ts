/** Proofs of what is told while a job runs: steps, logs, groups, and what agents say beside the protocol. */
import { eventually } from '@waybill/process/testing';
import { subjects } from '@waybill/protocol';
import { wireSamples } from '@waybill/protocol/samples';
import { expect, it } from 'vitest';
import { listOf, type World } from './field-world.fixture.ts';
import { echoOf, end, withJob } from './held-job.ts';
import { hasFields, readsBack } from './read-back.ts';

export function stepProofs(world: () => World): void {
  it('step.status and log.chunk are kept as they came and shown with the step, its bytes summed', async () => {
    const { peer, taken } = await withJob(world(), 'stepping');
    const step = { ...wireSamples['step.status'], ...echoOf(taken), data: { exitCode: 3 } };
    const chunk = { ...wireSamples['log.chunk'], ...echoOf(taken) };
    peer.send(chunk);
    peer.send(step);
    const { runId } = taken.job;
    const { body } = await world().fact(runId, 'step.status');
    const { jobs } = await world().run(runId, ({ jobs: all }) => all[0]?.['logBytes'] === 512);
    const [shown] = listOf(jobs[0]?.['steps']);
    readsBack(step, {
      messageId: body['messageId'],
      runId: body['runId'],
      jobId: body['jobId'],
      stepIndex: shown?.['index'],
      stepName: shown?.['name'],
      state: shown?.['state'],
      timestamp: body['timestamp'],
      data: { exitCode: shown?.['exitCode'] },
      step_type: shown?.['type'],
      secretsAccessed: shown?.['secretsAccessed'],
      logBytesStreamed: jobs[0]?.['logBytes'],
      concurrencyKind: body['concurrencyKind'],
      groupId: body['groupId'],
      attempt: body['attempt'],
      fence: body['fence'],
    });
    const [line = {}] = await eventually(
      async () => {
        const found = await world().bodies('WB_LOGS', subjects.logsOf(world().org, runId));
        return found.length > 0 && found;
      },
      { what: 'the log' },
    );
    readsBack(chunk, {
      messageId: line['messageId'],
      runId: line['runId'],
      jobId: line['jobId'],
      stepIndex: line['stepIndex'],
      lines: line['lines'],
      timestamp: line['timestamp'],
      attempt: line['attempt'],
      fence: line['fence'],
    });
    peer.send(end(taken));
  });

  it('job.concurrency.report, run.event and job.context stand in the run, the last without the token', async () => {
    const { peer, taken } = await withJob(world(), 'observed');
    const { runId } = taken.job;
    const report = { ...wireSamples['job.concurrency.report'], ...taken.job };
    const event = { ...wireSamples['run.event'], ...taken.job };
    const { token } = world();
    const context = {
      ...wireSamples['job.context'],
      ...taken.job,
      context: { workDir: 'w', envVars: { TOKEN: token } },
    };
    for (const frame of [report, event, context]) peer.send(frame);
    const ack = await peer.next('job.concurrency.ack');
    hasFields(ack, ['requestId', 'action', 'runId', 'jobId'], ['reason']);
    expect(ack).toMatchObject({ ...taken.job, requestId: report.messageId, action: 'proceed' });
    const asked = (await world().fact(runId, 'concurrency.reported')).body;
    readsBack(report, {
      messageId: asked['messageId'],
      runId: asked['runId'],
      jobId: asked['jobId'],
      group: asked['group'],
    });
    const milestone = (await world().fact(runId, 'run.event')).body;
    readsBack(event, {
      runId: milestone['runId'],
      jobId: milestone['jobId'],
      eventType: milestone['eventType'],
      timestampMs: milestone['timestampMs'],
      sourceService: milestone['sourceService'],
      metadata: milestone['metadata'],
      durationMs: milestone['durationMs'],
    });
    const told = (await world().fact(runId, 'job.context')).body;
    expect(JSON.stringify(told)).not.toContain(token);
    expect(told).toMatchObject({
      ...taken.job,
      context: { workDir: 'w', envVars: { TOKEN: '[redacted]' } },
    });
    peer.send(end(taken));
  });
}
