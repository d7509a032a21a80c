/**
 * Which attempt is whose: the gateway's index over the offers that it has read, by wire job and by agent. It only points at
 * runs; what is true of them is always asked of the fold. Runs that are said to have ended are forgotten, the oldest first.
 */
import {
  type Attempt,
  type Run,
  type RunEventOf,
  silenceMs,
  type WireJob,
  wireJobId,
} from '@waybill/protocol';

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

/** A run as the book has it, for a snapshot. */
export type BookedRun = Readonly<{ runId: string; ended: boolean; attempts: readonly Custody[] }>;

export type CustodyBook = Readonly<{
  offered(event: RunEventOf<'job.offered'>): void;
  /** The run is said to have ended: a claim that was not folded, so its attempts are known on while they are not too many. */
  completed(runId: string): void;
  /** The claim was void. */
  reopened(runId: string): void;
  find(wire: Omit<WireJob, 'index'>): Custody | undefined;
  /** False for an attempt behind which the same job was offered again. One that was folded is overtaken only by another such. */
  isLatest(custody: Custody): boolean;
  /** The latest state of an attempt that the fold has confirmed. */
  put(custody: Custody): void;
  change(
    custody: Custody,
    change: Partial<Pick<Custody, 'session' | 'phase' | 'heard' | 'leaseMs'>>,
  ): void;
  /** Attempts that nothing has ended as far as the book knows: of one agent, of one job, of one run. */
  openOf(agent: AgentKey): readonly Custody[];
  openOfJob(job: JobKey): readonly Custody[];
  openIn(runId: string): readonly Custody[];
  /** Whether the run is said to have ended. */
  isSaidEnded(runId: string): boolean;
  runs(): Iterable<BookedRun>;
  /** Of an earlier book; called before anything else. */
  restore(run: BookedRun): void;
  size(): Readonly<{ open: number; ended: number; indexed: number }>;
}>;

type Attempts = Map<number, Custody>;
type RunEntry = Map<string, Attempts>;

const agentKey = ({ org, agentId }: AgentKey): string => `${org} ${agentId}`;

export function custodyBook(o: Readonly<{ endedRunsMax: number }>): CustodyBook {
  const open = new Map<string, RunEntry>();
  const ended = new Map<string, RunEntry>();
  /** What an agent may have in hand: its attempts of phase `open`, by wire id. */
  const byAgent = new Map<string, Map<string, Custody>>();

  const entryOf = (runId: string): RunEntry | undefined => open.get(runId) ?? ended.get(runId);

  const index = (custody: Custody): void => {
    const key = agentKey(custody);
    const inHand = byAgent.get(key) ?? new Map<string, Custody>();
    byAgent.set(key, inHand.set(wireJobId(custody.jobId, custody.attempt), custody));
  };
  const unindex = (custody: Custody): void => {
    const key = agentKey(custody);
    const inHand = byAgent.get(key);
    inHand?.delete(wireJobId(custody.jobId, custody.attempt));
    if (inHand?.size === 0) byAgent.delete(key);
  };
  const store = (entry: RunEntry, custody: Custody): void => {
    const attempts = entry.get(custody.jobId) ?? new Map<number, Custody>();
    const before = attempts.get(custody.attempt);
    if (before !== undefined) unindex(before);
    if (custody.phase === 'open') index(custody);
    entry.set(custody.jobId, attempts.set(custody.attempt, custody));
  };
  const opened = (runId: string): RunEntry => {
    const entry = entryOf(runId) ?? new Map<string, Attempts>();
    ended.delete(runId);
    open.set(runId, entry);
    return entry;
  };
  const forgetOldest = (): void => {
    const [oldest] = ended;
    if (ended.size <= o.endedRunsMax || oldest === undefined) return;
    for (const custody of attemptsIn(oldest[1])) unindex(custody);
    ended.delete(oldest[0]);
  };
  const openAmong = (attempts: Iterable<Custody>): readonly Custody[] =>
    [...attempts].filter(({ phase }) => phase === 'open');

  return {
    offered: (event) => {
      const { jobId, attempt } = event.body;
      const entry = entryOf(event.runId);
      // The first offer of an attempt stands until the fold has confirmed another one.
      if (entry?.get(jobId)?.has(attempt) === true) return;
      store(entry ?? opened(event.runId), custodyOf(event));
    },
    completed: (runId) => {
      const entry = open.get(runId);
      if (entry === undefined) return;
      open.delete(runId);
      ended.set(runId, entry);
      forgetOldest();
    },
    reopened: (runId) => {
      if (ended.has(runId)) opened(runId);
    },
    find: ({ runId, jobId, attempt }) => entryOf(runId)?.get(jobId)?.get(attempt),
    isLatest: ({ runId, jobId, attempt, folded }) =>
      ![...(entryOf(runId)?.get(jobId)?.values() ?? [])].some(
        (other) => other.attempt > attempt && (other.folded || !folded),
      ),
    // An attempt that is at work shows that its run has not ended.
    put: (custody) => {
      const entry = entryOf(custody.runId);
      store(
        entry === undefined || custody.phase === 'open' ? opened(custody.runId) : entry,
        custody,
      );
    },
    change: ({ runId, jobId, attempt }, change) => {
      const entry = entryOf(runId);
      const known = entry?.get(jobId)?.get(attempt);
      if (entry !== undefined && known !== undefined) store(entry, { ...known, ...change });
    },
    openOf: (agent) => [...(byAgent.get(agentKey(agent))?.values() ?? [])],
    openOfJob: ({ runId, jobId }) => openAmong(entryOf(runId)?.get(jobId)?.values() ?? []),
    openIn: (runId) => openAmong(attemptsIn(entryOf(runId) ?? new Map())),
    isSaidEnded: (runId) => ended.has(runId),
    // The entries at the time of the call, however slowly they are taken.
    runs: () => [...bookedRuns(open, false), ...bookedRuns(ended, true)],
    restore: ({ runId, ended: isEnded, attempts }) => {
      const entry: RunEntry = new Map();
      (isEnded ? ended : open).set(runId, entry);
      for (const custody of attempts) store(entry, custody);
      forgetOldest();
    },
    size: () => ({
      open: open.size,
      ended: ended.size,
      indexed: [...byAgent.values()].reduce((sum, inHand) => sum + inHand.size, 0),
    }),
  };
}

const attemptsIn = (entry: RunEntry): readonly Custody[] =>
  [...entry.values()].flatMap((attempts) => [...attempts.values()]);

const bookedRuns = (runs: ReadonlyMap<string, RunEntry>, ended: boolean): readonly BookedRun[] =>
  [...runs].map(([runId, entry]) => ({ runId, ended, attempts: attemptsIn(entry) }));

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
  leaseMs: leaseOf(run, key.jobId),
});

const leaseOf = ({ created, jobs }: Run, jobId: string): number | undefined => {
  const job = jobs.find(({ spec }) => spec.jobId === jobId);
  return created === null || job === undefined ? undefined : silenceMs(job.spec, created);
};

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
