/** For the specs: a job without a server that records what is said about it, and the real surroundings it runs in. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  type ApprovalAsk,
  type Artifact,
  JobAborted,
  type JobHandle,
  type JobOutcome,
  type StepMore,
} from '@waybill/agent';
import { createLogger, systemClock } from '@waybill/process';
import type { wire } from '@waybill/protocol';
import { onTestFinished } from 'vitest';
import { type JobRunOptions, runJob } from './job-run.ts';
import { startWatchdog } from './watchdog.ts';
import { openWorkFolder } from './work-folder.ts';

export const silent = createLogger({ name: 'test', level: 'silent' });

export function scratch(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'waybill-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export type StepReport = Readonly<{
  index: number;
  name: string;
  state: string;
  data?: Readonly<Record<string, unknown>> | undefined;
  more?: StepMore | undefined;
}>;

export type Said = Readonly<{
  emits: readonly Readonly<{ event: string; payload: unknown; target: unknown }>[];
  usage: readonly wire.UsageEntry[];
  facts: readonly unknown[];
  artifacts: readonly Readonly<{ name: string; content: string; more: Artifact | undefined }>[];
  provenance: readonly unknown[];
  approvals: readonly ApprovalAsk[];
}>;

export type RecordedJob = Readonly<{
  handle: JobHandle;
  abort(reason?: JobAborted): void;
  /** The server has answered a heartbeat. */
  lease(leftMs: number): void;
  lines(stepIndex?: number): readonly string[];
  steps: readonly StepReport[];
  said: Said;
}>;

/** `more` answers what the job asks for otherwise than here. */
export function recordedJob(
  dispatch: Partial<wire.JobDispatch>,
  more: Partial<JobHandle> = {},
): RecordedJob {
  const said = {
    emits: [] as Said['emits'][number][],
    usage: [] as wire.UsageEntry[],
    facts: [] as unknown[],
    artifacts: [] as Said['artifacts'][number][],
    provenance: [] as unknown[],
    approvals: [] as ApprovalAsk[],
  };
  const abort = new AbortController();
  const force = new AbortController();
  const logged: [number, string][] = [];
  const steps: StepReport[] = [];
  const leases = new Set<(leftMs: number) => void>();
  return {
    handle: {
      dispatch: {
        type: 'job.dispatch',
        messageId: 'd1',
        runId: 'run-1',
        jobId: 'job-1',
        repoUrl: '',
        ref: '',
        sha: '',
        lockFileUrl: '',
        jobConfig: {},
        timestamp: 1,
        ...dispatch,
      },
      signal: abort.signal,
      forced: force.signal,
      onLease: (listener) => {
        leases.add(listener);
        return () => void leases.delete(listener);
      },
      status: () => undefined,
      step: (index, name, state, data, more) =>
        void steps.push({ index, name, state, data, ...(more ? { more } : {}) }),
      log: (step, lines) =>
        void logged.push(...lines.map((line): [number, string] => [step, line])),
      congested: false,
      drained: () => Promise.resolve(),
      reachable: (url) => url,
      emit: (event, payload, target) => {
        said.emits.push({ event, payload, target });
        return Promise.resolve({ deliveryId: `d${said.emits.length}` });
      },
      cache: { restore: () => Promise.resolve(undefined), save: () => Promise.resolve(undefined) },
      buildCache: () => Promise.resolve(),
      provenance: (provenance, body) => {
        said.provenance.push({ ...provenance, body });
        return Promise.resolve();
      },
      artifact: async (name, body, more) => {
        const content =
          'file' in body ? readFileSync(body.file, 'utf8') : `${body.bytes.byteLength}`;
        said.artifacts.push({ name, content, more });
        return { uri: `artifact://exec/run-1/${name}` };
      },
      approve: (ask) => {
        said.approvals.push(ask);
        return Promise.resolve({ outcome: 'approved' });
      },
      concurrency: () => Promise.resolve({ action: 'proceed' }),
      usage: (entries) => void said.usage.push(...entries),
      conversation: (fact) => void said.facts.push(fact),
      contextBundle: (fact) => void said.facts.push(fact),
      workspaceRef: (fact) => void said.facts.push(fact),
      ...more,
    },
    abort: (reason = new JobAborted('cancelled', 'no longer needed')) => {
      if (reason.force) force.abort(reason);
      abort.abort(reason);
    },
    lease: (leftMs) => {
      for (const listener of leases) listener(leftMs);
    },
    lines: (stepIndex) =>
      logged.flatMap(([step, line]) =>
        stepIndex === undefined || step === stepIndex ? [line] : [],
      ),
    steps,
    said,
  };
}

export async function surroundings(more: Partial<JobRunOptions> = {}): Promise<JobRunOptions> {
  const folder = await openWorkFolder(scratch(), silent);
  const base = {
    path: process.env['PATH'] ?? '/usr/bin:/bin',
    lang: 'C.UTF-8',
    agentId: 'agent-1',
  };
  const watchdog = startWatchdog({
    folder: folder.path,
    path: base.path,
    clock: systemClock,
    log: silent,
  });
  onTestFinished(() => watchdog.end());
  return {
    clock: systemClock,
    log: silent,
    folder,
    watchdog,
    base,
    graceMs: 10_000,
    afterMs: 10_000,
    ...more,
  };
}

export type Ran = Readonly<{ outcome: JobOutcome; job: RecordedJob }>;

/** Runs the steps to their end. */
export async function ran(
  steps: readonly (string | Readonly<Record<string, unknown>>)[],
  dispatch: Partial<wire.JobDispatch> = {},
  more: Partial<JobHandle> = {},
): Promise<Ran> {
  const job = recordedJob(
    { ...dispatch, jobConfig: { ...configOf(steps), ...dispatch.jobConfig } },
    more,
  );
  const outcome = await runJob(job.handle, await surroundings());
  return { outcome, job };
}

export const configOf = (
  steps: readonly (string | Readonly<Record<string, unknown>>)[],
): Readonly<Record<string, unknown>> => ({
  name: 'test',
  workflowName: 'ci',
  steps: steps.map((step) => (typeof step === 'string' ? { run: step } : step)),
});

/** A process that has ended but was not collected counts as gone. */
export function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !['Z', 'X'].includes(stat.slice(stat.lastIndexOf(')') + 2)[0] ?? 'X');
  } catch {
    return false;
  }
}
