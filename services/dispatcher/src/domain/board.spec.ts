/** Which agent gets which job: the fleet, the lines of waiting jobs, and the decisions about a run. */
import type { AgentEvent, RunEvent } from '@waybill/protocol';
import { history, JOB, RUN } from '@waybill/protocol/fixtures';
import { describe, expect, it } from 'vitest';
import { createBoard } from './board.ts';
import type { Fleet } from './fleet.ts';
import {
  emptyFleet,
  memberKey,
  pickMember,
  reopened,
  withAgentEvent,
  withRunEvent,
} from './fleet.ts';
import { decideOffer, decideRun } from './run-decision.ts';

const place = (agentId: string, seq: number) => ({
  org: 'main',
  agentToken: agentId,
  seq,
  at: seq,
  id: `a${seq}`,
  meta: { id: `a${seq}`, source: '', agentId },
  gateway: 'g/1',
});
const registered = (
  agentId: string,
  seq: number,
  labels: string[] = [],
  maxConcurrency?: number,
): AgentEvent => ({
  ...place(agentId, seq),
  type: 'registered',
  body: { agentId, labels, ...(maxConcurrency === undefined ? {} : { maxConcurrency }) },
});
const gone = (agentId: string, seq: number, session: number): AgentEvent => ({
  ...place(agentId, seq),
  type: 'disconnected',
  body: { session, code: 1006, reason: '' },
});
const fleetOf = (...events: AgentEvent[]): Fleet => events.reduce(withAgentEvent, emptyFleet);
const idle = (): number => 0;

describe('the fleet', () => {
  it('picks an agent with all labels, the least loaded, then the longest idle', () => {
    const fleet = fleetOf(
      registered('a', 1, ['linux'], 4),
      registered('b', 2, ['linux', 'gpu'], 4),
      registered('c', 3, ['linux'], 4),
    );
    expect(pickMember(fleet, 'main', ['gpu'], idle)?.agentId).toBe('b');
    expect(pickMember(fleet, 'main', ['linux'], idle)?.agentId).toBe('a');
    expect(
      pickMember(fleet, 'main', ['linux'], (key) => (key === memberKey('main', 'a') ? 1 : 0))
        ?.agentId,
    ).toBe('b');
    expect(pickMember(fleet, 'main', ['mac'], idle)).toBeUndefined();
    expect(pickMember(fleet, 'other', [], idle)).toBeUndefined();
  });

  it('takes an agent that says nothing of its capacity for one job', () => {
    expect(pickMember(fleetOf(registered('a', 1)), 'main', [], () => 1)).toBeUndefined();
  });

  it('is not touched by the late end of an older session', () => {
    const fleet = fleetOf(registered('a', 1), registered('a', 5), gone('a', 6, 1));
    expect(pickMember(fleet, 'main', [], idle)?.session).toBe(5);
    expect(
      pickMember(fleetOf(registered('a', 5), gone('a', 6, 5)), 'main', [], idle),
    ).toBeUndefined();
  });

  const saying = (fleet: Fleet, event: RunEvent): Fleet =>
    withRunEvent(fleet, event, { agentId: 'agent-7', session: 7 });

  it('passes a busy agent over until it reports room, and tries it again after a while', () => {
    const h = history();
    const busy = saying(fleetOf(registered('agent-7', 7)), h.reject(1, 7));
    expect(pickMember(busy, 'main', [], idle)).toBeUndefined();
    const status: AgentEvent = { ...place('agent-7', 9), type: 'status', body: { activeJobs: 0 } };
    expect(pickMember(withAgentEvent(busy, status), 'main', [], idle)?.agentId).toBe('agent-7');
    expect(
      pickMember(reopened(busy, memberKey('main', 'agent-7'), 7), 'main', [], idle)?.agentId,
    ).toBe('agent-7');
  });

  it('gives nothing to an agent whose offer expired or that drains, until it registers again', () => {
    const h = history();
    for (const event of [h.expired(1), h.reject(1, 7, 'draining')]) {
      const closed = saying(fleetOf(registered('agent-7', 7)), event);
      expect(pickMember(closed, 'main', [], idle)).toBeUndefined();
      expect(
        pickMember(withAgentEvent(closed, registered('agent-7', 20)), 'main', [], idle)?.session,
      ).toBe(20);
    }
  });
});

describe('the board', () => {
  const fold = (events: readonly RunEvent[]) => {
    const board = createBoard();
    for (const event of events) board.fold(event);
    return board;
  };

  it('lines up queued jobs and counts what each agent holds', () => {
    const h = history();
    h.created([{ name: 'a' }, { name: 'b' }]);
    const board = fold(h.events);
    expect(board.heads(h.at(), () => false).map((each) => each.jobId)).toEqual([`${RUN}-0`]);
    board.fold(h.offered(1, 7));
    expect(board.load(memberKey('main', 'agent-7'))).toBe(1);
    expect(board.heads(h.at(), () => false).map((each) => each.jobId)).toEqual([`${RUN}-1`]);
    board.fold(h.status(1, 7, 'success'));
    expect(board.load(memberKey('main', 'agent-7'))).toBe(0);
  });

  it('passes over reserved jobs, busy runs and jobs that are held back', () => {
    const h = history();
    h.created();
    const board = fold(h.events);
    expect(board.heads(h.at(), () => true)).toEqual([]);
    board.reserve(JOB, 'k');
    expect(board.heads(h.at(), () => false)).toEqual([]);
    expect(board.load('k')).toBe(1);
    board.release(JOB);
    expect(board.load('k')).toBe(0);
    board.fold(h.offered(1, 7));
    board.fold(h.reject(1, 7));
    const due = board.nextDue(h.at());
    expect(board.heads(h.at(), () => false)).toEqual([]);
    expect(board.heads(due ?? 0, () => false)).toHaveLength(1);
  });

  it('forgets a finished run but knows that it was there', () => {
    const h = history();
    h.created();
    h.offered(1, 7);
    h.status(1, 7, 'success');
    const board = fold(h.events);
    const run = board.run(RUN);
    const decision = run === undefined ? undefined : decideRun(run);
    const body: unknown = JSON.parse(String(decision?.draft.body));
    expect(body).toMatchObject({
      state: 'success',
      usage: {},
      costUsd: 0,
      jobs: [{ jobId: JOB, attempts: 1 }],
    });
    board.fold(h.add('run.completed', body as Parameters<typeof h.add<'run.completed'>>[1]));
    expect(board.run(RUN)).toBeUndefined();
    expect(board.knows(RUN)).toBe(true);
    expect(board.fold(h.status(1, 7, 'failed')).isVoid).toBe(true);
    expect(board.run(RUN)).toBeUndefined();
  });
});

describe('decisions', () => {
  it('are the same for the same run, and name the sequence that they expect', () => {
    const h = history();
    h.created();
    const run = createBoard().fold(h.events[0] as RunEvent).run;
    const job = run.jobs[0];
    if (job === undefined) throw new Error('the fixture has a job');
    const offer = decideOffer(run, job, { agentId: 'agent-7', session: 7 });
    expect(offer).toEqual(decideOffer(run, job, { agentId: 'agent-7', session: 7 }));
    expect(offer.expectedSeq).toBe(run.seq);
    expect(JSON.parse(String(offer.draft.body))).toMatchObject({
      attempt: 1,
      fence: run.seq,
      session: 7,
      reason: 'initial',
    });
  });

  it('queue a job whose needs are met before anything else', () => {
    const h = history();
    h.created([{ name: 'a' }, { name: 'b', needs: [{ job: 'a', on: ['success'] }] }]);
    h.offered(1, 7);
    h.status(1, 7, 'failed');
    const board = createBoard();
    for (const event of h.events) board.fold(event);
    const run = board.run(RUN);
    expect(run === undefined ? undefined : decideRun(run)?.draft.type).toBe('job.skipped');
  });
});
