/** What a tier above is told, event by event. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { history, JOB, RUN, START } from './run.fixture.ts';
import { evolveRun, foldRun, initialRun, type Run, wasVoid } from './run.ts';
import { anyHistory } from './run-history.fixture.ts';
import type { RunEvent } from './run-message.ts';
import { type Forward, forwardsOf } from './upstream-change.ts';
import { runSnapshot } from './upstream-view.ts';
import * as wire from './wire/index.ts';

/** Each event with what is told of it. */
function told(
  events: readonly RunEvent[],
): readonly Readonly<{ run: Run; says: readonly Forward[] }>[] {
  let run = initialRun;
  return events.map((event) => {
    const before = run;
    run = evolveRun(before, event);
    return { run, says: forwardsOf(before, event, run) };
  });
}
const words = (says: readonly Forward[]): readonly string[] =>
  says.map((each) => {
    if (each.type === 'step.status.forward') return `step ${each.stepIndex} ${each.state}`;
    return `${each.type === 'execution.status' ? 'run' : each.jobName} ${each.status}`;
  });

const trigger = {
  triggerId: RUN.slice(0, 26),
  source: 'upstream',
  kind: 'upstream',
  event: 'released',
  deliveryId: 'd',
  by: 'ada',
  from: {
    runId: `${RUN.slice(0, 26)}-7`,
    jobId: `${RUN}-7-0`,
    originalRunId: `${RUN.slice(0, 26)}-3`,
  },
} as const;
const push = {
  event: { head_commit: { message: 'Sell more tea\n\nAnd coffee.' } },
  repoUrl: 'https://u:p@git.example.net/acme/shop.git',
  repository: 'https://git.example.net/acme/shop',
  ref: 'main',
  sha: 'abc',
  workflow: 'ci',
  trigger,
};
const matrixValues = { region: 'eu' };

function failing() {
  const h = history();
  h.created([{ name: 'build', runsOn: ['linux', 'a\nb'], matrixValues }], push);
  h.offered(1, 7);
  h.ack(1, 7);
  const about = { jobId: JOB, attempt: 1, session: 7, agentId: 'agent-7' };
  h.step(1, 7, 0, 'running');
  const secretsAccessed = ['TOKEN'];
  const data = { exitCode: 1, note: 'x' };
  h.add(
    'step.status',
    { stepIndex: 0, stepName: 'unit', state: 'failed', secretsAccessed, data },
    about,
  );
  h.add('job.status', { state: 'failed', data: { error: 'the tests fail' } }, about);
  const completed = { startedAt: START + 3, completedAt: START + 6, durationMs: 3, queuedMs: 2 };
  const cost = { usage: {}, costUsd: 0, priceGeneration: null, jobs: [] };
  h.add('run.completed', { state: 'failed', ...completed, ...cost });
  return h;
}

describe('what is forwarded of a run', () => {
  it('is every change of it, of its jobs and of its steps, in a telling order', () => {
    const h = history();
    h.created([{ name: 'a' }, { name: 'b', needs: [{ job: 'a', on: ['success'] }] }]);
    h.offered(1, 7);
    h.ack(1, 7);
    h.ack(1, 7);
    h.step(1, 7, 0, 'running');
    h.step(1, 7, 0, 'success');
    h.step(1, 7, 1, 'running');
    h.lost(1, 7);
    h.back('agent.resumed', 1, 9, 7);
    h.status(1, 9, 'failed');
    h.add('job.skipped', { jobId: `${RUN}-1`, because: ['a failed'] });
    expect(told(h.events).map(({ says }) => words(says))).toEqual([
      ['run pending', 'a queued', 'b pending'],
      // An offer is our own affair until somebody takes it.
      [],
      ['run running', 'a running'],
      [],
      ['step 0 running'],
      ['step 0 success'],
      ['step 1 running'],
      ['a recovering'],
      ['a running'],
      ['step 1 failed', 'a failed'],
      ['b skipped'],
    ]);
  });

  it('fills every field', () => {
    const all = told(failing().events).flatMap(({ says }) => says);
    const last = (type: Forward['type']): Forward | undefined =>
      all.findLast((each) => each.type === type);
    expect(last('execution.status')).toEqual({
      type: 'execution.status',
      messageId: `${RUN}:17:0`,
      runId: RUN,
      workflowName: 'ci',
      status: 'failed',
      repoIdentifier: 'acme/shop',
      sha: 'abc',
      ref: 'main',
      triggerEvent: 'released',
      commitMessage: 'Sell more tea',
      jobCount: 1,
      startedAt: START + 3,
      completedAt: START + 6,
      durationMs: 3,
      timestamp: START + 7,
      parentRunId: trigger.from.runId,
      originalRunId: trigger.from.originalRunId,
      triggeredBy: 'ada',
      failureReason: 'build: the tests fail',
    });
    expect(last('job.status.forward')).toEqual({
      type: 'job.status.forward',
      messageId: `${RUN}:16:0`,
      runId: RUN,
      jobId: JOB,
      jobName: 'build',
      status: 'failed',
      matrixValues,
      startedAt: START + 3,
      completedAt: START + 6,
      durationMs: 3,
      errorMessage: 'the tests fail',
      agentId: 'agent-7',
      orchestratorId: 'waybill',
      runsOnLabels: ['linux'],
      timestamp: START + 6,
    });
    expect(last('step.status.forward')).toEqual({
      type: 'step.status.forward',
      messageId: `${RUN}:15:0`,
      runId: RUN,
      jobId: JOB,
      jobName: 'build',
      stepIndex: 0,
      stepName: 'unit',
      state: 'failed',
      timestamp: START + 5,
      data: { exitCode: 1, note: 'x' },
      secretsAccessed: ['TOKEN'],
    });
    const snapshot = runSnapshot(foldRun(failing().events));
    const envelope = { type: 'state.replay', messageId: 'm', timestamp: 1 };
    expect({ ...snapshot, ...envelope }).toMatchObject({
      ...last('execution.status'),
      ...envelope,
      routingKey: 'upstream',
    });
    expect(snapshot?.jobs[0]).toMatchObject({ jobId: JOB, status: 'failed', agentId: 'agent-7' });
  });

  it('has no more text than a tier above takes', () => {
    const h = history();
    const long = 'é'.repeat(5_000);
    h.created([{ name: long, runsOn: Array.from({ length: 64 }, (_, at) => `l${at}`) }], {
      ...push,
      workflow: long,
      ref: long,
      sha: long,
      repository: `https://h/${long}`,
      event: { head_commit: { message: long } },
      trigger: { ...trigger, event: long, by: long },
    });
    h.offered(1, 7);
    h.ack(1, 7);
    const about = { jobId: JOB, attempt: 1, session: 7, agentId: 'agent-7' };
    const data = { error: long, filler: long.repeat(9) };
    h.add('step.status', { stepIndex: 0, stepName: long, state: 'failed', data }, about);
    // Before its steps: an agent prepares the job.
    h.step(1, 7, -1, 'failed');
    h.add('job.status', { state: 'failed', data: { error: long } }, about);
    const all = told(h.events).flatMap(({ says }) => says);
    for (const each of all) expect(wire.UpstreamMessage.safeParse(each).error).toBeUndefined();
    expect(all.filter((each) => each.type === 'step.status.forward')).toHaveLength(1);
    const replay = { type: 'state.replay', messageId: 'm', timestamp: 1 };
    const runs = [runSnapshot(foldRun(h.events))];
    expect(wire.StateReplay.safeParse({ ...replay, runs }).error).toBeUndefined();
  });

  it('says of a hook which one it is', () => {
    const h = history();
    h.created();
    h.offered(1, 7);
    const about = { jobId: JOB, attempt: 1, session: 7, agentId: 'agent-7' };
    const step = { stepIndex: 0, stepName: 'x', state: 'running' } as const;
    h.add('step.status', step, about);
    h.add('step.status', { ...step, step_type: 'hook:beforeStep' }, about);
    const steps = told(h.events)
      .flatMap(({ says }) => says)
      .filter((each) => each.type === 'step.status.forward');
    expect(steps.map(({ data }) => data)).toEqual([undefined, { step_type: 'hook:beforeStep' }]);
  });
});

it('whatever happens to a run, each message fits the protocol, and void events are not told', () => {
  fc.assert(
    fc.property(anyHistory, (events) => {
      for (const [index, { run, says }] of told(events).entries()) {
        for (const each of says) expect(wire.UpstreamMessage.safeParse(each).error).toBeUndefined();
        if (wasVoid(run, events[index]?.seq ?? 0)) expect(says).toEqual([]);
        const ids = new Set(says.map(({ messageId }) => messageId));
        expect(ids.size).toBe(says.length);
      }
    }),
  );
});

it('whoever heard every message knows the run as it is replayed', () => {
  fc.assert(
    fc.property(anyHistory, (events) => {
      const jobs = new Map<string, unknown>();
      let status: unknown;
      const all = told(events);
      for (const { says } of all)
        for (const each of says) {
          if (each.type === 'execution.status') status = each.status;
          if (each.type === 'job.status.forward') jobs.set(each.jobId, knownOf(each));
        }
      const snapshot = runSnapshot(all.at(-1)?.run ?? initialRun);
      expect(status).toBe(snapshot?.status);
      expect([...jobs.values()]).toEqual((snapshot?.jobs ?? []).map(knownOf));
    }),
  );
});

const knownOf = ({
  jobId,
  jobName,
  status,
  agentId,
  errorMessage,
}: Readonly<Record<string, unknown>>) => ({
  jobId,
  jobName,
  status,
  agentId,
  errorMessage,
});
