/** Desks at a log of one run and a few sessions, for specs: what they give is stored as the log would, expectations and all. */
import type {
  AgentEvent,
  DecisionType,
  JobSpec,
  Run,
  RunCreated,
  RunEvent,
} from '@waybill/protocol';
import { evolveRun, foldRun, initialRun, isDecision, wasVoid } from '@waybill/protocol';
import { history, JOB, ORG, RUN } from '@waybill/protocol/fixtures';
import { createDeadlineDesk, type DeadlineDesk, type Task } from './deadline-desk.ts';
import type { Heartbeat } from './decision.ts';
import type { Outcome } from './errand.ts';

export const GATEWAY = 'gw/1';
export const LEASE = 'gateway.gw.1';

type View = { readonly desk: DeadlineDesk; run: Run; seen: number };
export type DeskBench = ReturnType<typeof deskBench>;

export function deskBench({ desks = 1 } = {}) {
  const h = history();
  const heartbeats = new Map<string, Heartbeat & { attempt: number }>();
  const disconnected: number[] = [];
  let beats = 0;
  const views: View[] = Array.from({ length: desks }, () => {
    const view: View = {
      desk: createDeadlineDesk({ run: (runId) => (runId === RUN ? view.run : undefined) }),
      run: initialRun,
      seen: 0,
    };
    return view;
  });
  const view = (at: number): View => {
    const found = views[at];
    if (found === undefined) throw new Error(`there is no desk ${at}`);
    return found;
  };

  /** The desk reads what it has not read yet, or so much of it. */
  const catchUp = (at = 0, upTo = Number.POSITIVE_INFINITY): void => {
    const each = view(at);
    for (const event of h.events.slice(each.seen, each.seen + upTo)) {
      const before = each.run;
      each.run = evolveRun(before, event);
      each.seen += 1;
      const isVoid = each.run === before || wasVoid(each.run, event.seq);
      each.desk.folded({ event, before, run: each.run, isVoid });
    }
  };
  const agents = (event: AgentEvent): void => {
    for (const { desk } of views) desk.heardAgent(event);
  };

  /**
   * What the shell does with one task: reads, drafts, appends expecting what the desk has folded, tells it the answer. `isBlind`:
   * stored behind facts that it had not seen, as a replicated server may.
   */
  const perform = (at: number, task: Task, now: number, isBlind = false): RunEvent | undefined => {
    const { desk } = view(at);
    let heartbeat: Heartbeat | null = null;
    if (task.kind === 'settle' && task.deadline.kind === 'stale') {
      const { jobId, attempt } = task.deadline;
      const last = heartbeats.get(jobId);
      if (last !== undefined && last.attempt === attempt)
        heartbeat = { seq: last.seq, at: last.at };
      if (heartbeat !== null) desk.heartbeat(jobId, attempt, heartbeat.at);
    }
    const appending = desk.draft(task, { epoch: 1, now, heartbeat });
    const settled = (outcome: Outcome): undefined => {
      desk.settled(task, outcome, now);
      return undefined;
    };
    if (appending === undefined) return settled({ is: 'void' });
    const { draft, expect } = appending;
    const body = JSON.parse(String(draft.body)) as never; // of the draft's own type
    if (expect === undefined) {
      const session = draft.meta.session ?? 0;
      disconnected.push(session);
      const event = { ...agentEvent(session), type: 'disconnected', body } as AgentEvent; // as just drafted
      agents(event);
      return settled({ is: 'stored', seq: 0 });
    }
    const unseen = h.events.filter(({ seq }) => seq > expect.lastSeq);
    if (unseen.some(({ type }) => !isBlind || isDecision(type)))
      return settled({ is: 'moved', seq: h.seq() });
    // Type and body come from the same draft.
    const about = { ...draft.meta, at: now } as Parameters<typeof h.add>[2];
    const event = h.add(draft.type as DecisionType, body, about);
    settled({ is: 'stored', seq: event.seq });
    return event;
  };

  const take = (now: number, at = 0): readonly Task[] => {
    const { desk } = view(at);
    desk.look(now);
    return desk.take(now, 1_000);
  };
  /** One look: each task with what is folded by then, the next one of a run as soon as the last is. */
  const sweep = (now: number, at = 0): readonly RunEvent[] => {
    const stored: RunEvent[] = [];
    catchUp(at);
    for (let tasks = take(now, at); tasks.length > 0; tasks = view(at).desk.take(now, 1_000))
      for (const task of tasks) {
        stored.push(...[perform(at, task, now) ?? []].flat());
        catchUp(at);
      }
    return stored;
  };

  /** A desk that has read nothing begins as from a snapshot of the log as it is. */
  const restore = (at: number): void => {
    const each = view(at);
    each.run = foldRun(h.events);
    each.seen = h.events.length;
    each.desk.restored(each.run);
  };

  return {
    h,
    restore,
    desk: (at = 0) => view(at).desk,
    catchUp,
    perform,
    take,
    sweep,
    disconnected,
    run: () => foldRun(h.events),
    job: (index = 0) => foldRun(h.events).jobs[index],
    /** So many sweeps as it takes, over so long a time; what they stored. */
    sweepUntil: (from: number, to: number, at = 0): readonly RunEvent[] => {
      const stored: RunEvent[] = [];
      for (let now = from; now <= to; now += 250) stored.push(...sweep(now, at));
      return stored;
    },
    beat: (at: number, attempt = 1, jobId = JOB, isTold = true) => {
      beats += 1;
      heartbeats.set(jobId, { seq: beats, at, attempt });
      if (isTold) for (const { desk } of views) desk.heartbeat(jobId, attempt, at);
    },
    register: (session: number, gateway = GATEWAY, agentId = `agent-${session}`) =>
      agents({
        ...agentEvent(session, gateway, agentId),
        type: 'registered',
        body: { agentId, labels: [] },
      }),
    disconnect: (session: number) =>
      agents({
        ...agentEvent(session),
        type: 'disconnected',
        body: { session, code: 1000, reason: '' },
      }),
    lease: (isHeld: boolean, at: number, lease = LEASE) => {
      for (const { desk } of views) desk.heardLease(lease, isHeld, at);
    },
  };
}

const agentEvent = (seq: number, gateway = GATEWAY, agentId = `agent-${seq}`) => ({
  org: ORG,
  agentToken: agentId,
  seq,
  at: 0,
  id: `a${seq}`,
  meta: { id: `a${seq}`, source: 'test', agentId, session: seq },
  gateway,
  scalerManaged: false,
});

/** A run of so many jobs, each offered to a session of its own from 100 on. */
export function offered(
  bench: DeskBench,
  count = 1,
  change: { readonly spec?: Partial<JobSpec>; readonly run?: Partial<RunCreated> } = {},
): void {
  const jobs = Array.from({ length: count }, (_, at) => ({ name: `job ${at}`, ...change.spec }));
  bench.h.created(jobs, change.run);
  for (let at = 0; at < count; at++) bench.h.offered(1, 100 + at, `${RUN}-${at}`);
  bench.catchUp();
}
