/**
 * What runs must know of sockets: lost, resumed, absent. For each job it waits for the words that came before, folds the run,
 * and appends only what the fold still asks for. Never about a session other than the one that ended or began.
 */
import { currentAttempt, type Job, type Run, type wire, wireJobId } from '@waybill/protocol';
import {
  type AgentKey,
  type Custody,
  type CustodyBook,
  custodyOfAttempt,
  type JobKey,
} from '../domain/custody.ts';
import { socketFact } from '../domain/fact.ts';
import { attemptOf } from '../domain/history.ts';
import { jobsHeldBy, onLoss, onReturn } from '../domain/reconcile.ts';
import type { Identity } from '../domain/speaker.ts';
import type { FactWriter } from './fact-writer.ts';
import type { RunHistory } from './run-history.ts';

export type Returning = Readonly<{
  inFlight: readonly wire.InFlightJob[];
  /** Wire ids of jobs that the agent spoke of before its registration was done. */
  named: readonly string[];
}>;

export type Returned = Readonly<{
  /** What it goes on with, on the new session. */
  adopted: readonly Custody[];
  /** What it runs and must stop. */
  strays: readonly wire.InFlightJob[];
}>;

export type Reconciliation = Readonly<{
  /** The agent is back. */
  returned(who: Identity, returning: Returning): Promise<Returned>;
  /** The session's socket is gone for good. */
  lost(who: Identity, code: number): Promise<void>;
}>;

type Deps = Readonly<{ book: CustodyBook; history: RunHistory; facts: FactWriter }>;

export function openReconciliation({ book, history, facts }: Deps): Reconciliation {
  /** Every job that the agent may have in hand, each in its own lane, on a run as fresh as it gets. */
  const forEachHeld = async (
    agent: AgentKey,
    visit: (run: Run, job: Job, runId: string) => Promise<void>,
  ): Promise<void> => {
    for (const runId of book.runsOf(agent)) {
      const place = { org: agent.org, runId };
      const run = await history.current(place);
      const held = jobsHeldBy(run.jobs, agent.agentId);
      await Promise.all(
        held.map(({ spec }) =>
          facts.within(spec.jobId, async () => {
            const fresh = await history.current(place);
            const job = fresh.jobs.find((each) => each.spec.jobId === spec.jobId);
            if (job !== undefined) await visit(fresh, job, runId);
          }),
        ),
      );
    }
  };

  /** Whether the fold has followed the agent to its new session: something may have been decided before it. */
  const isHeldIn = async (
    who: Identity,
    key: JobKey,
    attempt: number,
    seq: number,
  ): Promise<boolean> => {
    const judged = await history.judge(
      { org: who.org, runId: key.runId },
      seq,
      Number.POSITIVE_INFINITY,
    );
    return attemptOf(judged.run, key.jobId, attempt)?.session === who.session;
  };

  const returned = async (who: Identity, { inFlight, named }: Returning): Promise<Returned> => {
    const known = new Set([...inFlight.map((job) => job.jobId), ...named]);
    const adopted = new Map<string, Custody>();
    await forEachHeld(who, async (run, job, runId) => {
      const found = onReturn(job, who, known);
      const attempt = currentAttempt(job);
      if (found === undefined || attempt === undefined) return;
      const { jobId } = job.spec;
      const custody = custodyOfAttempt(run, { ...who, runId, jobId }, attempt);
      const { fact, previousSession } = found;
      const stored = await facts.store(
        socketFact({ type: fact, body: { previousSession } }, custody, who.session),
      );
      const isAdopted =
        fact === 'agent.resumed' &&
        (await isHeldIn(who, { runId, jobId }, attempt.attempt, stored.seq));
      const moved: Custody = isAdopted
        ? { ...custody, session: who.session, heard: true }
        : { ...custody, phase: 'void' };
      book.put(moved);
      if (isAdopted) adopted.set(wireJobId(jobId, attempt.attempt), moved);
    });
    const strays = inFlight.filter((job) => !adopted.has(job.jobId));
    return { adopted: [...adopted.values()], strays };
  };

  const lost = (who: Identity, code: number): Promise<void> =>
    forEachHeld(who, async (run, job, runId) => {
      const attempt = currentAttempt(job);
      if (onLoss(job, who) === undefined || attempt === undefined) return;
      const custody = custodyOfAttempt(run, { ...who, runId, jobId: job.spec.jobId }, attempt);
      await facts.store(
        socketFact(
          { type: 'agent.lost', body: { code, scalerManaged: false } },
          custody,
          who.session,
        ),
      );
    });

  return { returned, lost };
}
