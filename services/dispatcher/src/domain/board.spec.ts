/** Which agent gets which job: the fleet, the lines of waiting jobs, and the decisions about a run. */
import type { AgentEvent, RunEvent } from '@waybill/protocol';
import { subjects } from '@waybill/protocol';
import { history, JOB, RUN } from '@waybill/protocol/fixtures';
import { describe, expect, it } from 'vitest';
import { type Board, createBoard, firstOf } from './board.ts';
import { createFleet, type Fleet, memberKey } from './fleet.ts';
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
const status = (agentId: string, seq: number, session: number): AgentEvent => {
  const { meta, ...rest } = place(agentId, seq);
  return { ...rest, meta: { ...meta, session }, type: 'status', body: { activeJobs: 0 } };
};
const fleetWith = (load: (key: string) => number, ...events: AgentEvent[]): Fleet => {
  const fleet = createFleet(load);
  for (const event of events) fleet.heardAgent(event);
  return fleet;
};
const fleetOf = (...events: AgentEvent[]): Fleet => fleetWith(() => 0, ...events);

describe('the fleet', () => {
  it('picks an agent with all labels, the least loaded, then the longest idle', () => {
    const agents = [
      registered('a', 1, ['linux'], 4),
      registered('b', 2, ['linux', 'gpu'], 4),
      registered('c', 3, ['linux'], 4),
    ];
    const fleet = fleetOf(...agents);
    expect(fleet.pick('main', ['gpu'], 0)?.agentId).toBe('b');
    expect(fleet.pick('main', ['linux'], 0)?.agentId).toBe('a');
    const loaded = fleetWith((key) => (key === memberKey('main', 'a') ? 1 : 0), ...agents);
    expect(loaded.pick('main', ['linux'], 0)?.agentId).toBe('b');
    expect(fleet.pick('main', ['mac'], 0)).toBeUndefined();
    expect(fleet.pick('other', [], 0)).toBeUndefined();
  });

  it('takes an agent that says nothing of its capacity for one job', () => {
    expect(fleetWith(() => 1, registered('a', 1)).pick('main', [], 0)).toBeUndefined();
  });

  it('is not touched by the late end of an older session', () => {
    const fleet = fleetOf(registered('a', 1), registered('a', 5), gone('a', 6, 1));
    expect(fleet.pick('main', [], 0)?.session).toBe(5);
    expect(fleetOf(registered('a', 5), gone('a', 6, 5)).pick('main', [], 0)).toBeUndefined();
  });

  const holder = { agentId: 'agent-7', session: 7 };
  const busy = (): Readonly<{ fleet: Fleet; at: number }> => {
    const h = history();
    const fleet = fleetOf(registered('agent-7', 7));
    fleet.heardRun(h.reject(1, 7), holder);
    return { fleet, at: h.at() };
  };

  it('passes a busy agent over until it reports room behind that, or for a while', () => {
    const { fleet, at } = busy();
    expect(fleet.pick('main', [], at)).toBeUndefined();
    expect(fleet.nextDue(at)).toBe(at + 30_000);
    expect(fleet.pick('main', [], at + 30_000)?.agentId).toBe('agent-7');
    expect(fleet.nextDue(at + 30_000)).toBeUndefined();
    fleet.heardAgent(status('agent-7', at, 7));
    expect(fleet.pick('main', [], at)?.agentId).toBe('agent-7');
  });

  it('believes no report of room from before the busy, nor of an older session', () => {
    const { fleet, at } = busy();
    fleet.heardAgent(status('agent-7', at - 1, 7));
    fleet.heardAgent(status('agent-7', at + 1, 5));
    expect(fleet.pick('main', [], at)).toBeUndefined();
  });

  it('takes the end of a job, and not its progress, for room', () => {
    const { fleet, at } = busy();
    const h = history();
    fleet.heardRun(h.status(1, 7, 'running'), holder);
    expect(fleet.pick('main', [], at)).toBeUndefined();
    fleet.heardRun(h.status(1, 7, 'success'), holder);
    expect(fleet.pick('main', [], at)?.agentId).toBe('agent-7');
  });

  it('gives nothing to an agent whose offer expired or that drains, until it registers again', () => {
    const h = history();
    for (const event of [h.expired(1), h.reject(1, 7, 'draining')]) {
      const fleet = fleetOf(registered('agent-7', 7));
      fleet.heardRun(event, holder);
      fleet.heardAgent(status('agent-7', h.at() + 1, 7));
      expect(fleet.pick('main', [], h.at() + 60_000)).toBeUndefined();
      fleet.heardAgent(registered('agent-7', 20));
      expect(fleet.pick('main', [], h.at())?.session).toBe(20);
      fleet.heardRun(event, holder);
      expect(fleet.pick('main', [], h.at())?.session).toBe(20);
    }
  });
});

describe('the board', () => {
  const fold = (events: readonly RunEvent[]) => {
    const board = createBoard();
    for (const event of events) board.fold(event);
    return board;
  };

  const heads = (board: Board, now: number, isBusy: (runId: string) => boolean = () => false) =>
    board.lines(now).flatMap((line) => firstOf(line, isBusy)?.jobId ?? []);

  it('lines up queued jobs and counts what each agent holds', () => {
    const h = history();
    h.created([{ name: 'a' }, { name: 'b' }]);
    const board = fold(h.events);
    expect(heads(board, h.at())).toEqual([`${RUN}-0`]);
    board.fold(h.offered(1, 7));
    expect(board.load(memberKey('main', 'agent-7'))).toBe(1);
    expect(heads(board, h.at())).toEqual([`${RUN}-1`]);
    board.fold(h.status(1, 7, 'success'));
    expect(board.load(memberKey('main', 'agent-7'))).toBe(0);
  });

  it('passes over busy runs and jobs that are held back', () => {
    const h = history();
    h.created();
    const board = fold(h.events);
    expect(heads(board, h.at(), () => true)).toEqual([]);
    board.fold(h.offered(1, 7));
    expect(heads(board, h.at())).toEqual([]);
    board.fold(h.reject(1, 7));
    const due = board.nextDue() ?? 0;
    expect(heads(board, due - 1)).toEqual([]);
    expect(heads(board, due)).toEqual([JOB]);
    expect(board.nextDue()).toBeUndefined();
  });

  it('holds nothing back for a job that ends meanwhile', () => {
    const h = history();
    h.created([{ name: 'a' }, { name: 'b' }]);
    const board = fold(h.events);
    const other = `${RUN}-1`;
    board.fold(h.offered(1, 8, other));
    board.fold(h.offered(1, 7));
    board.fold(h.reject(1, 8, 'busy', other));
    board.fold(
      h.add(
        'job.status',
        { state: 'success', droppedJobs: ['b'] },
        { jobId: JOB, attempt: 1, session: 7, agentId: 'agent-7' },
      ),
    );
    expect(board.nextDue()).toBeUndefined();
    expect(heads(board, h.at() + 60_000)).toEqual([]);
  });

  it('counts offers on their way against their agent', () => {
    const board = createBoard();
    board.reserve('k');
    expect(board.load('k')).toBe(1);
    board.release('k');
    expect(board.load('k')).toBe(0);
  });

  it('tells whether a job has moved', () => {
    const h = history();
    const board = createBoard();
    const moves = [h.created(), h.offered(1, 7), h.ack(1, 7), h.step(1, 7, 0, 'running')];
    expect(moves.map((event) => board.fold(event).hasMoved)).toEqual([true, true, true, false]);
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
    expect(offer.expect).toEqual({ filter: subjects.runFilter('main', RUN), lastSeq: run.seq });
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
