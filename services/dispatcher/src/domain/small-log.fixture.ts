/**
 * A log in memory that takes decisions as the real one does, with their expectation, and folds what it has; and dispatchers that
 * read it at their own pace, whose answers come when they are let in.
 */
import type {
  AgentEvent,
  BodyOf,
  Draft,
  Expectation,
  FactType,
  Run,
  RunEvent,
} from '@waybill/protocol';
import {
  currentAttempt,
  evolveRun,
  headersOf,
  initialRun,
  readRunMessage,
  runDraft,
  runId,
  triggerId,
  wasVoid,
} from '@waybill/protocol';
import { createdBody, type JobShape, ORG, START } from '@waybill/protocol/fixtures';
import { createDesk, type Desk, type DeskOptions, type Heard } from './dispatch-desk.ts';
import type { Decision } from './run-decision.ts';

type Answer = Readonly<{ outcome: 'stored' | 'conflict'; seq: number }>;
type AgentBody<T extends AgentEvent['type']> =
  Extract<AgentEvent, { type: T }> extends { body: infer B } ? B : never;

export function smallLog() {
  const runs = new Map<string, Run>();
  const heard: Heard[] = [];
  const agents: AgentEvent[] = [];
  let seq = 0;
  let at = START;
  let count = 0;

  const append = (draft: Draft, expect?: Expectation): Answer => {
    const id = draft.meta.runId ?? '';
    const before = runs.get(id) ?? initialRun;
    if (expect !== undefined && expect.lastSeq !== before.seq)
      return { outcome: 'conflict', seq: before.seq };
    seq += 1;
    at += 1;
    const headers = headersOf(draft);
    const event = readRunMessage({
      stream: 'WB_RUNS',
      seq,
      at,
      subject: draft.subject,
      header: (name) => headers[name],
      body: new TextEncoder().encode(String(draft.body)),
    });
    if (event === undefined) throw new Error(`no event of a run: ${draft.subject}`);
    const run = evolveRun(before, event);
    runs.set(id, run);
    heard.push({ event, before, run, isVoid: wasVoid(run, seq) });
    return { outcome: 'stored', seq };
  };
  const fact = <T extends FactType>(type: T, jobId: string, body: BodyOf<T>): void => {
    const id = jobId.slice(0, jobId.lastIndexOf('-'));
    const job = runs.get(id)?.jobs.find(({ spec }) => spec.jobId === jobId);
    const current = job === undefined ? undefined : currentAttempt(job);
    count += 1;
    const meta = {
      id: `f${count}`,
      source: 'test',
      jobId,
      attempt: current?.attempt,
      session: current?.session,
      agentId: current?.agentId,
    };
    append(runDraft({ org: ORG, runId: id, type, meta, body: JSON.stringify(body) }));
  };
  const agent = <T extends Exclude<AgentEvent['type'], 'unreadable'>>(
    type: T,
    agentId: string,
    body: AgentBody<T>,
    session?: number,
    gateway = 'g/1',
  ): number => {
    seq += 1;
    at += 1;
    const id = `a${seq}`;
    const meta = { id, source: 'test', agentId, session };
    const place = { org: ORG, agentToken: agentId, seq, at, id, gateway, scalerManaged: false };
    // The body is that of the type: the two parameters are tied above.
    agents.push({ ...place, meta, type, body } as AgentEvent);
    return seq;
  };

  return {
    heard,
    agents,
    append,
    fact,
    agent,
    now: () => at,
    pass: (ms: number) => {
      at += ms;
    },
    run: (id: string): Run => runs.get(id) ?? initialRun,
    runs: () => [...runs.values()],
    events: (): readonly RunEvent[] => heard.map(({ event }) => event),
    registers: (
      agentId: string,
      o: Readonly<{ labels?: string[]; capacity?: number; gateway?: string }> = {},
    ) =>
      agent(
        'registered',
        agentId,
        {
          agentId,
          labels: o.labels ?? [],
          ...(o.capacity === undefined ? {} : { maxConcurrency: o.capacity }),
        },
        undefined,
        o.gateway,
      ),
    /** A run of these jobs; its ids are the run's with an index. */
    created: (
      jobs: readonly JobShape[] = [{ name: 'a' }],
      change: Partial<BodyOf<'run.created'>> = {},
    ): string => {
      count += 1;
      const id = runId(triggerId(ORG, 'test', `t${count}`), 0);
      const made = createdBody(jobs);
      const body = {
        ...made,
        runId: id,
        jobs: made.jobs.map((job, index) => ({ ...job, jobId: `${id}-${index}` })),
        ...change,
      };
      const meta = {
        id: `c${count}`,
        source: 'test',
        requestId: `req-${count}`,
        traceparent: 'tp',
      };
      append(runDraft({ org: ORG, runId: id, type: 'run.created', meta, body }));
      return id;
    },
    cancel: (id: string, body: Partial<BodyOf<'cancel.requested'>> = {}): void => {
      count += 1;
      const meta = { id: `x${count}`, source: 'test' };
      const asked = { by: 'anna', ...body };
      append(runDraft({ org: ORG, runId: id, type: 'cancel.requested', meta, body: asked }));
    },
    /** By a scheduler: the current offer of the job. */
    expires: (jobId: string): void => {
      const id = jobId.slice(0, jobId.lastIndexOf('-'));
      const run = runs.get(id) ?? initialRun;
      const job = run.jobs.find(({ spec }) => spec.jobId === jobId);
      const current = job === undefined ? undefined : currentAttempt(job);
      if (current === undefined) return;
      at = Math.max(at, current.until);
      count += 1;
      const { attempt } = current;
      const meta = { id: `e${count}`, source: 'test', jobId, attempt };
      append(
        runDraft({ org: ORG, runId: id, type: 'job.expired', meta, body: { jobId, attempt } }),
      );
    },
  };
}

export type SmallLog = ReturnType<typeof smallLog>;

type Read = Readonly<{ runs: number; agents: number }>;

export type Reading = Readonly<{
  desk: Desk;
  /** What it was told of both streams. */
  readRuns(max?: number): void;
  readAgents(max?: number): void;
  /** Appends what the desk decides; the answers wait. */
  decide(mayOffer?: boolean): readonly Decision[];
  answer(max?: number): void;
  /** Until nothing moves any more. */
  settle(): void;
  read(): Read;
  /** As if it had read so far: what it knows of that was restored. */
  from(read: Read): void;
}>;

export function reading(
  log: SmallLog,
  o: DeskOptions = { ackTimeoutMs: () => undefined },
): Reading {
  const desk = createDesk(o);
  desk.heardGateway('gateway.g.1', true);
  const answers: Readonly<{ runId: string; seq: number }>[] = [];
  let runs = 0;
  let agents = 0;
  const readRuns = (max = Number.POSITIVE_INFINITY): void => {
    for (const each of log.heard.slice(runs, runs + max)) {
      desk.heard(each);
      runs += 1;
    }
  };
  const readAgents = (max = Number.POSITIVE_INFINITY): void => {
    for (const each of log.agents.slice(agents, agents + max)) {
      desk.heardAgent(each);
      agents += 1;
    }
  };
  const decide = (mayOffer = true): readonly Decision[] => {
    const made = desk.decide(log.now(), mayOffer);
    for (const { runId, draft, expect } of made)
      answers.push({ runId, seq: log.append(draft, expect).seq });
    return made;
  };
  const answer = (max = Number.POSITIVE_INFINITY): void => {
    for (const { runId, seq } of answers.splice(0, Math.min(max, answers.length)))
      desk.answered(runId, seq, log.now());
  };
  return {
    desk,
    readRuns,
    readAgents,
    decide,
    answer,
    settle: () => {
      for (;;) {
        readAgents();
        readRuns();
        answer();
        const made = decide();
        if (made.length === 0 && runs === log.heard.length && agents === log.agents.length) return;
      }
    },
    read: () => ({ runs, agents }),
    from: (read) => {
      ({ runs, agents } = read);
    },
  };
}

export const offersIn = (events: readonly RunEvent[]) =>
  events.filter((event) => event.type === 'job.offered');
