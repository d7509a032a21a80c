/**
 * One full sample of every stored event of a run, every field that its schema names included. Facts of agents are whole frames, as
 * agents send them. All are about run 0 of one trigger, whose first job needs nothing and whose second needs the first.
 */
import type { Meta } from './envelope.ts';
import { triggerOfRun } from './ids.ts';
import { JOB, ORG, RUN, START } from './run.fixture.ts';
import type { BodyOf, RunEventType } from './run-event.ts';
import { wireSamples } from './wire/samples.fixture.ts';

const SECOND = `${RUN}-1`;
const AGENT = 'builder-1.example.net';
const frame = { runId: RUN, jobId: JOB, attempt: 1, fence: 11 };

export const runEventSamples: { readonly [T in RunEventType]: BodyOf<T> } = {
  'run.created': {
    runId: RUN,
    org: ORG,
    trigger: {
      triggerId: triggerOfRun(RUN) ?? '',
      source: 'github',
      kind: 'webhook',
      event: 'push',
      deliveryId: '72d3162e-cc78-11e3-81ab-4c9367dc0958',
    },
    rule: { name: 'ci', generation: 3 },
    workflow: 'ci',
    repoUrl: 'https://git.example.net/acme/shop.git',
    ref: 'main',
    sha: '0f3c1f5e',
    input: { dryRun: false },
    event: { ref: 'refs/heads/main', head_commit: { id: '0f3c1f5e', message: 'Sell more tea 🍵' } },
    secrets: { kid: 'k1', enc: 'AAAA', ct: 'BBBB' },
    jobs: [
      {
        jobId: JOB,
        name: 'build',
        runsOn: ['linux', 'x64'],
        needs: [],
        config: { name: 'build', steps: [{ name: 'unit', run: 'make test' }] },
        withEvent: true,
        agent: AGENT,
        timeoutMs: 600_000,
        queueTimeoutMs: 3_600_000,
        ackTimeoutMs: 20_000,
        heartbeatTimeoutMs: 300_000,
        retries: [
          { on: ['failed'], exitCodes: [75], max: 3, backoffMs: 1_000, backoffMaxMs: 60_000 },
          { on: ['agent_lost', 'timed_out_stale'], max: 1, backoffMs: 0, backoffMaxMs: 0 },
        ],
      },
      {
        jobId: SECOND,
        name: 'deploy (eu)',
        runsOn: ['deploy-*', '!spot'],
        needs: [{ job: 'build', on: ['success'] }],
        config: { name: 'deploy' },
        withEvent: false,
        group: 'deploy',
        matrixValues: { region: 'eu' },
        failFast: true,
      },
    ],
    offersMax: 5,
    ackTimeoutMs: 10_000,
    recoveryMs: 120_000,
    staleMs: 120_000,
    cancelGraceMs: 30_000,
    failFast: false,
  },
  'run.completed': {
    state: 'failed',
    startedAt: START + 20,
    completedAt: START + 2_020,
    durationMs: 2_000,
    queuedMs: 20,
    usage: { inputTokens: 1_200 },
    costUsd: 0.62,
    priceGeneration: 4,
    jobs: [
      { jobId: JOB, name: 'build', state: 'failed', attempts: 1, durationMs: 2_000 },
      { jobId: SECOND, name: 'deploy (eu)', state: 'skipped', attempts: 0, durationMs: null },
    ],
  },
  'job.queued': { jobId: SECOND },
  'job.skipped': { jobId: SECOND, because: ['build failed'] },
  'job.offered': {
    jobId: JOB,
    attempt: 1,
    fence: 11,
    agentId: AGENT,
    session: 7,
    ackTimeoutMs: 10_000,
    reason: 'initial',
    room: 'reported',
  },
  'job.expired': { jobId: JOB, attempt: 1 },
  'job.lost': { jobId: JOB, attempt: 1 },
  'job.stale': {
    jobId: JOB,
    attempt: 1,
    heartbeat: { seq: 91, at: START + 60_000 },
    readAt: START + 180_000,
  },
  'job.cancel': { jobId: JOB, attempt: 1, reason: 'cancelled', force: false, graceMs: 30_000 },
  'job.cancelled': { jobId: JOB, attempt: 1, reason: 'cancelled' },
  'job.timed_out': { jobId: JOB },
  'session.ended': { jobId: JOB, attempt: 1, session: 7, cause: 'gateway_lost' },
  'deadline.extended': { jobId: JOB, attempt: 1, until: START + 40_000, cause: 'log-outage' },
  'job.ack': { ...wireSamples['job.ack'], ...frame },
  'job.reject': { ...wireSamples['job.reject'], ...frame },
  'job.status': { ...wireSamples['job.status'], ...frame, droppedJobs: ['deploy'] },
  'step.status': { ...wireSamples['step.status'], ...frame },
  'job.unsent': { cause: 'secrets_unreadable' },
  'agent.lost': { code: 1006, scalerManaged: false },
  'agent.resumed': { previousSession: 7 },
  'agent.absent': { previousSession: 7 },
  'agent.heard': { frame: 'log.chunk' },
  'cancel.requested': { jobIds: [JOB], reason: 'wrong branch', force: false, by: 'ada' },
  'approval.requested': { ...wireSamples['step.approval-request'], runId: RUN, jobId: JOB },
  'approval.answered': { requestId: 'approval-1', outcome: 'approved' },
};

/** Who says it about what, with every attribute that an envelope knows. */
export const fullMeta: Omit<Meta, 'runId'> = {
  id: `${ORG}:${RUN}:sample@11.v1`,
  source: '/waybill/dispatcher',
  jobId: JOB,
  attempt: 1,
  fence: 11,
  agentId: AGENT,
  session: 7,
  epoch: 3,
  causation: `${ORG}:s7:41`,
  requestId: 'f2b7a7a0-4a7e-4d4e-9c36-0a3b8b7a1d11',
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
};
