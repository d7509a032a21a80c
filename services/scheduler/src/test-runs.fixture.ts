/** Runs, facts, sessions and schedulers at a real log, for specs. */
import type { Appended, Journal } from '@waybill/journal';
import { manualClock, readConfig } from '@waybill/process';
import { eventually } from '@waybill/process/testing';
import type { FactType, JobSpec, RunCreated, RunEvent } from '@waybill/protocol';
import { agentDraft, runDraft, runId, subjects, triggerId } from '@waybill/protocol';
import { createdBody } from '@waybill/protocol/fixtures';
import { ORG, type TestLog } from '../../../tests/support/log.ts';
import { Config } from './config.ts';
import { openScheduler } from './shell/scheduler.ts';

export const has =
  (type: RunEvent['type'], times = 1) =>
  (events: readonly RunEvent[]): boolean =>
    only(events, type).length >= times;
export const only = <T extends RunEvent['type']>(events: readonly RunEvent[], type: T) =>
  events.filter((event): event is Extract<RunEvent, { type: T }> => event.type === type);

export const configOf = ({ env }: TestLog): Config => readConfig(Config, env);

export type Shape = Readonly<{
  jobs?: number;
  session?: number;
  spec?: Partial<JobSpec>;
  run?: Partial<RunCreated>;
}>;

export function testRuns(log: TestLog) {
  let count = 0;
  const next = (): number => {
    count += 1;
    return count;
  };

  /** A run with short times. */
  const created = async ({ jobs = 1, spec, run: change }: Shape = {}) => {
    const run = runId(triggerId(ORG, 'test', `t${next()}`), 0);
    const times = { ackTimeoutMs: 700, recoveryMs: 700, staleMs: 700, cancelGraceMs: 300 };
    const shapes = Array.from({ length: jobs }, (_, at) => ({
      name: `job ${at}`,
      ...spec,
      jobId: `${run}-${at}`,
    }));
    const body = createdBody(shapes, { ...times, ...change, runId: run });
    const filter = subjects.runFilter(ORG, run);
    const source = 'test';
    const meta = { id: `c${run}`, source };
    const draft = runDraft({ org: ORG, runId: run, type: 'run.created', meta, body });
    await log.journal.append(draft, { filter, lastSeq: 0 });
    return run;
  };
  /** Its jobs are offered, all of them to one session. */
  const offered = async ({ session = 7, ...shape }: Shape = {}) => {
    const run = await created(shape);
    const filter = subjects.runFilter(ORG, run);
    const { seq, created: body } = await log.run(run);
    let last: Appended = { outcome: 'stored', seq, duplicate: false };
    for (const { jobId } of body?.jobs ?? []) {
      if (last.outcome !== 'stored') throw new Error(last.outcome);
      const about = { jobId, attempt: 1, agentId: 'a', session };
      const ackTimeoutMs = body?.ackTimeoutMs ?? 0;
      const offer = { ...about, fence: last.seq, ackTimeoutMs, reason: 'initial' as const };
      last = await log.journal.append(
        runDraft({
          org: ORG,
          runId: run,
          type: 'job.offered',
          to: 'a',
          meta: { ...about, id: `o${jobId}`, source: 'test' },
          body: offer,
        }),
        { filter, lastSeq: last.seq },
      );
    }
    return run;
  };

  const fact = async (
    run: string,
    type: FactType,
    { job = 0, session = 7, body = {} }: { job?: number; session?: number; body?: object } = {},
  ): Promise<void> => {
    const about = { jobId: `${run}-${job}`, attempt: 1, session, agentId: 'a' };
    const meta = { id: `f${next()}`, source: 'test', ...about };
    const draft = runDraft({ org: ORG, runId: run, type, meta, body: JSON.stringify(body) });
    await log.journal.append(draft);
  };

  /** As a dispatcher says it of the first approval that the first job asked for. */
  const resolved = async (run: string, outcome: 'approved' | 'rejected'): Promise<void> => {
    const { seq: lastSeq } = await log.run(run);
    const about = { jobId: `${run}-0`, attempt: 1 };
    await log.journal.append(
      runDraft({
        org: ORG,
        runId: run,
        type: 'approval.resolved',
        to: 'a',
        meta: { id: `f${next()}`, source: 'test', ...about },
        body: { ...about, approvalId: `${run}-0-p1`, requestId: 'm', outcome },
      }),
      { filter: subjects.runFilter(ORG, run), lastSeq },
    );
  };

  const beat = (run: string, job = 0) => {
    const jobId = `${run}-${job}`;
    const subject = subjects.heartbeat(ORG, run, jobId);
    const meta = { id: `b${next()}`, source: 'test', jobId, attempt: 1, session: 7 };
    const type = 'job.heartbeat';
    return log.journal.append({ stream: 'WB_HEARTBEATS', subject, type, meta, body: '{}' });
  };

  /** A session of an agent on a gateway; gives its number. */
  const registered = async (gateway: string, agentId: string): Promise<number> => {
    const body = JSON.stringify({ agentId, labels: [] });
    const id = `r${next()}`;
    const answer = await log.journal.append(
      agentDraft({ org: ORG, agentId, type: 'registered', id, gateway, body }),
    );
    if (answer.outcome !== 'stored') throw new Error(answer.outcome);
    return answer.seq;
  };

  /** Deadlines are about time: what is waited for here is the server's clock. */
  const serverTimePasses = async (ms: number): Promise<void> => {
    const until = (await log.journal.serverTime('WB_RUNS')) + ms;
    await eventually(async () => (await log.journal.serverTime('WB_RUNS')) >= until);
  };

  return { created, offered, fact, resolved, beat, registered, serverTimePasses };
}

/** What a spec may put in the place of parts of the journal. */
export type Change = Partial<Pick<Journal, 'append' | 'serverTime' | 'lease' | 'last'>>;

/** A scheduler by a clock that the spec moves: it looks when it is told to. */
export async function byHand(log: TestLog, change: Change = {}, clock = manualClock()) {
  const scheduler = await openScheduler({
    ...log.host,
    clock,
    journal: { ...log.journal, ...change },
    partitions: 1,
    onFailure: (error) => {
      throw error;
    },
  });
  await scheduler.caughtUp;
  return {
    clock,
    scheduler,
    /** Looks until the condition holds. */
    sweepUntil: <T>(
      what: string,
      probe: () => Promise<T | undefined | false> | T | undefined | false,
      withinMs = 15_000,
    ) =>
      eventually(
        async () => {
          await clock.advance(250);
          return probe();
        },
        { what, withinMs },
      ),
    /** So many looks, each answered before the next one. */
    sweep: async (times = 1): Promise<void> => {
      for (let at = 0; at < times; at++) {
        await clock.advance(250);
        await log.journal.serverTime('WB_RUNS');
      }
    },
  };
}
