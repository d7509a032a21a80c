/**
 * Which attempt is whose: the gateway's index over the offers that it has read, by wire job and by agent. It only points at
 * runs; what is true of them is always asked of the fold. Runs that have ended are forgotten, the oldest first.
 */
import type { Attempt, Run, RunEventOf, WireJob } from '@waybill/protocol';

export type Custody = Readonly<{
  org: string;
  runId: string;
  jobId: string;
  attempt: number;
  fence: number;
  agentId: string;
  /** Moves when the agent returns with the job in hand. */
  session: number;
  requestId: string | undefined;
  traceparent: string | undefined;
  /** `ended` by its own agent's word; `void` when expired, stale, given back or never found again. */
  phase: 'open' | 'ended' | 'void';
  /** Whether the run already has a word of this attempt: logs and heartbeats lie elsewhere and would not show it. */
  heard: boolean;
  /** Whether the fold has confirmed it: an offer that was only read may be void. */
  folded: boolean;
  /** How long a heartbeat keeps the job the agent's; known once the run has been folded. */
  leaseMs: number | undefined;
}>;

export type AgentKey = Readonly<{ org: string; agentId: string }>;
export type JobKey = Readonly<{ runId: string; jobId: string }>;

export type CustodyBook = Readonly<{
  offered(event: RunEventOf<'job.offered'>): void;
  completed(runId: string): void;
  find(wire: Omit<WireJob, 'index'>): Custody | undefined;
  /** False for an attempt behind which the same job was offered again. One that was folded is overtaken only by another such. */
  isLatest(custody: Custody): boolean;
  /** The latest state of an attempt that the fold has confirmed. */
  put(custody: Custody): void;
  change(
    custody: Custody,
    change: Partial<Pick<Custody, 'session' | 'phase' | 'heard' | 'leaseMs'>>,
  ): void;
  /** Open runs in which the agent was ever offered a job. */
  runsOf(agent: AgentKey): readonly string[];
  size(): Readonly<{ open: number; finished: number }>;
}>;

type Attempts = Map<number, Custody>;
type RunEntry = {
  readonly org: string;
  readonly jobs: Map<string, Attempts>;
  readonly agents: Set<string>;
};

const agentKey = ({ org, agentId }: AgentKey): string => `${org} ${agentId}`;

export function custodyBook(o: Readonly<{ finishedRunsMax: number }>): CustodyBook {
  const open = new Map<string, RunEntry>();
  const finished = new Map<string, RunEntry>();
  const byAgent = new Map<string, Set<string>>();

  const attemptsOf = ({ runId, jobId }: JobKey): Attempts | undefined =>
    (open.get(runId) ?? finished.get(runId))?.jobs.get(jobId);

  const put = (custody: Custody): void => {
    const { runId, jobId, attempt, org } = custody;
    const fresh: RunEntry = { org, jobs: new Map(), agents: new Set() };
    const run = open.get(runId) ?? finished.get(runId) ?? fresh;
    if (!finished.has(runId)) {
      open.set(runId, run);
      const key = agentKey(custody);
      run.agents.add(key);
      byAgent.set(key, (byAgent.get(key) ?? new Set()).add(runId));
    }
    const attempts = run.jobs.get(jobId) ?? new Map<number, Custody>();
    run.jobs.set(jobId, attempts.set(attempt, custody));
  };

  return {
    offered: (event) => {
      const { jobId, attempt } = event.body;
      // The first offer of an attempt stands until the fold has confirmed another one.
      if (attemptsOf({ runId: event.runId, jobId })?.has(attempt) === true) return;
      put(custodyOf(event));
    },
    completed: (runId) => {
      const run = open.get(runId);
      if (run === undefined) return;
      open.delete(runId);
      for (const key of run.agents) {
        const runs = byAgent.get(key);
        runs?.delete(runId);
        if (runs?.size === 0) byAgent.delete(key);
      }
      finished.set(runId, run);
      const [oldest] = finished.keys();
      if (finished.size > o.finishedRunsMax && oldest !== undefined) finished.delete(oldest);
    },
    find: (wire) => attemptsOf(wire)?.get(wire.attempt),
    isLatest: ({ attempt, folded, ...key }) =>
      ![...(attemptsOf(key)?.values() ?? [])].some(
        (other) => other.attempt > attempt && (other.folded || !folded),
      ),
    put,
    change: (custody, change) => {
      const attempts = attemptsOf(custody);
      const known = attempts?.get(custody.attempt);
      if (known !== undefined) attempts?.set(custody.attempt, { ...known, ...change });
    },
    runsOf: (agent) => [...(byAgent.get(agentKey(agent)) ?? [])],
    size: () => ({ open: open.size, finished: finished.size }),
  };
}

/** An attempt as the fold has it, with a word in the run: what a gateway knows of an offer that it did not send itself. */
export const custodyOfAttempt = (run: Run, key: AgentKey & JobKey, attempt: Attempt): Custody => ({
  org: key.org,
  runId: key.runId,
  jobId: key.jobId,
  attempt: attempt.attempt,
  fence: attempt.fence,
  agentId: key.agentId,
  session: attempt.session,
  requestId: run.requestId ?? undefined,
  traceparent: run.traceparent ?? undefined,
  phase: 'open',
  heard: attempt.heardAt !== null,
  folded: true,
  leaseMs: run.created?.staleMs,
});

/** An offer as it was read, before its run was folded. */
const custodyOf = ({ org, runId, body, meta }: RunEventOf<'job.offered'>): Custody => ({
  org,
  runId,
  jobId: body.jobId,
  attempt: body.attempt,
  fence: body.fence,
  agentId: body.agentId,
  session: body.session,
  requestId: meta.requestId,
  traceparent: meta.traceparent,
  phase: 'open',
  heard: false,
  folded: false,
  leaseMs: undefined,
});
