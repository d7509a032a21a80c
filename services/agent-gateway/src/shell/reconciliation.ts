/**
 * What runs must know of sockets: lost, resumed, absent. For each job it waits for the words that came before, folds the run,
 * and appends only what the fold still asks for. Never about a session other than the one that ended or began.
 */
import { type Logger, milestone } from '@waybill/process';
import {
  currentAttempt,
  type Job,
  parseWireJobId,
  type Run,
  type Stop,
  type wire,
  wireJobId,
} from '@waybill/protocol';
import {
  type Custody,
  type CustodyBook,
  custodyOfAttempt,
  type JobKey,
} from '../domain/custody.ts';
import { socketFact } from '../domain/fact.ts';
import { attemptOf, heldAttempt } from '../domain/history.ts';
import { limits } from '../domain/limits.ts';
import { isInHand, onLoss, onReturn } from '../domain/reconcile.ts';
import { type Identity, isOfItsRun } from '../domain/speaker.ts';
import type { Completions } from './completions.ts';
import type { FactWriter } from './fact-writer.ts';
import type { RunHistory } from './run-history.ts';
import { workSlots } from './work-slots.ts';

export type Returning = Readonly<{
  inFlight: readonly wire.InFlightJob[];
  /** Wire ids of jobs that the agent spoke of before its registration was done. */
  named: readonly string[];
  /** It waits on for what it has asked people for. */
  keepsApprovals: boolean;
}>;

/** `stop`: it was told to stop, which the new socket has not heard. */
export type Adopted = Readonly<{ custody: Custody; stop: Stop | null }>;

export type Returned = Readonly<{
  /** What it goes on with, on the new session. */
  adopted: readonly Adopted[];
  /** What it runs and must stop. */
  strays: readonly wire.InFlightJob[];
  /** What it says to run and was never given, as far as the log knows. */
  unknown: readonly wire.InFlightJob[];
}>;

export type Lost = Readonly<{
  code: number;
  scalerManaged: boolean;
  /** Offers that nobody has answered are left as they are. */
  keepsOffers: boolean;
}>;

export type Reconciliation = Readonly<{
  /** The agent is back. */
  returned(who: Identity, returning: Returning): Promise<Returned>;
  /** The agent was offered a job on a session that it had left already: nobody was there to take it. */
  missed(who: Identity, key: JobKey): Promise<void>;
  /** The session's socket is gone for good. False where something was left open on it. */
  lost(who: Identity, lost: Lost): Promise<boolean>;
}>;

type Deps = Readonly<{
  book: CustodyBook;
  history: RunHistory;
  facts: FactWriter;
  completions: Completions;
  log: Logger;
}>;
/** What an agent has brought back. */
type Back = Readonly<{ named: ReadonlySet<string>; keepsApprovals: boolean }>;
const nothing: Back = { named: new Set(), keepsApprovals: false };
type Visit = (run: Run, job: Job, key: JobKey) => Promise<void>;
type Look = (run: Run) => void;

export function openReconciliation(deps: Deps): Reconciliation {
  const { book, history, facts, completions, log } = deps;
  const slots = workSlots(limits.reconciledAtOnceMax);
  const slowly = workSlots(1);

  /** Each job in its own lane, on a run as fresh as it gets. */
  const visitJob = (who: Identity, key: JobKey, visit: Visit, look?: Look): Promise<void> =>
    facts.within(key.jobId, async () => {
      // What the old session has begun is its word still.
      await completions.settle(key.jobId);
      await slots.run(async () => {
        const run = await history.current({ org: who.org, runId: key.runId });
        look?.(run);
        const job = run.jobs.find((each) => each.spec.jobId === key.jobId);
        if (job !== undefined && isInHand(job, who.agentId)) await visit(run, job, key);
        // The book goes by offers alone, and may take for open what has long ended.
        else forgetOpen(who, key);
      });
    });
  const forgetOpen = (who: Identity, key: JobKey): void => {
    for (const custody of book.openOfJob(key))
      if (custody.agentId === who.agentId && custody.session <= who.session)
        book.change(custody, { phase: 'void' });
  };

  const comeBack = async (
    who: Identity,
    [run, job, key]: Parameters<Visit>,
    { named, keepsApprovals }: Back,
  ): Promise<Adopted | undefined> => {
    const { org } = who;
    const found = onReturn(job, who, named);
    const attempt = currentAttempt(job);
    if (found === undefined || attempt === undefined) return undefined;
    const custody = custodyOfAttempt(run, { org, agentId: who.agentId, ...key }, attempt);
    const { fact, previousSession } = found;
    const kept = fact === 'agent.resumed' && keepsApprovals ? { keepsApprovals } : {};
    const body = { previousSession, ...kept };
    const stored = await facts.store(socketFact({ type: fact, body }, custody, who.session));
    milestone('returned.appended', custody);
    // Whether the fold has followed the agent to its new session: something may have been decided before it.
    const place = { org, runId: key.runId };
    const judged = await history.judge(place, stored.seq);
    const held = heldAttempt(judged.run, key.jobId, attempt.attempt)?.attempt;
    const isAdopted = fact === 'agent.resumed' && held?.session === who.session;
    const moved: Custody = isAdopted
      ? { ...custody, session: who.session, heard: true }
      : { ...custody, phase: 'void' };
    book.put(moved);
    return isAdopted ? { custody: moved, stop: held.stop } : undefined;
  };

  const returned = async (who: Identity, back: Returning): Promise<Returned> => {
    const { inFlight, named, keepsApprovals } = back;
    const known = new Set([...inFlight.filter(isOfItsRun).map((job) => job.jobId), ...named]);
    // What the agent names may lie in the log and not in the book yet: who sent it was another gateway.
    const spoken = [...known].flatMap((wireId) => parseWireJobId(wireId) ?? []);
    const spokenOf = Map.groupBy(spoken, ({ jobId }) => jobId);
    const given = new Set<string>();
    const adopted = new Map<string, Adopted>();
    const settle = (key: JobKey): Promise<void> =>
      visitJob(
        who,
        key,
        async (...visited) => {
          const found = await comeBack(who, visited, { named: known, keepsApprovals });
          if (found !== undefined) adopted.set(wireJobId(key.jobId, found.custody.attempt), found);
        },
        (run) => {
          for (const { jobId, attempt } of spokenOf.get(key.jobId) ?? [])
            if (attemptOf(run, jobId, attempt)?.agentId === who.agentId)
              given.add(wireJobId(jobId, attempt));
        },
      );
    const inHand = book.openOf(who);
    const isPast = ({ runId }: Custody): boolean => book.isSaidEnded(runId);
    const keys = uniqueJobs([...inHand.filter((each) => !isPast(each)), ...spoken]);
    await Promise.all(keys.map(settle));
    // Nearly all of these have ended indeed: nobody waits for the one whose run was said to have and has not.
    for (const key of uniqueJobs(inHand.filter(isPast)))
      slowly
        .run(() => settle(key))
        .catch((error: unknown) =>
          log.debug({ err: error, ...key }, 'a job of the past is not settled'),
        );
    return {
      adopted: [...adopted.values()],
      strays: inFlight.filter((job) => !adopted.has(job.jobId)),
      unknown: inFlight.filter((job) => !isOfItsRun(job) || !given.has(job.jobId)),
    };
  };

  const missed = (who: Identity, key: JobKey): Promise<void> =>
    visitJob(who, key, async (...visited) => void (await comeBack(who, visited, nothing)));

  const lost = async (who: Identity, { keepsOffers, ...body }: Lost): Promise<boolean> => {
    let isSettled = true;
    const isItsOwn = ({ runId, session }: Custody): boolean =>
      session === who.session || !book.isSaidEnded(runId);
    const keys = uniqueJobs(book.openOf(who).filter(isItsOwn));
    await Promise.all(
      keys.map((key) =>
        visitJob(who, key, async (run, job) => {
          const attempt = currentAttempt(job);
          if (onLoss(job, who) === undefined || attempt === undefined) return;
          if (keepsOffers && job.state === 'offered') {
            isSettled = false;
            return;
          }
          const { org, agentId, session } = who;
          const custody = custodyOfAttempt(run, { org, agentId, ...key }, attempt);
          await facts.store(socketFact({ type: 'agent.lost', body }, custody, session));
          milestone('lost.appended', custody);
        }),
      ),
    );
    return isSettled;
  };

  return { returned, missed, lost };
}

const uniqueJobs = (jobs: readonly JobKey[]): readonly JobKey[] => [
  ...new Map(jobs.map(({ runId, jobId }) => [jobId, { runId, jobId }])).values(),
];
