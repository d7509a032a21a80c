import { wire } from '@waybill/protocol';
import { describe, expect, it } from 'vitest';
import { custodyBook } from './custody.ts';
import { heardFact, isTerminalStatus, type JobFrame, jobFact, socketFact } from './fact.ts';
import { JOB, ORG, offered, RUN } from './stored-run.fixture.ts';

const book = custodyBook({ endedRunsMax: 1 });
book.offered(offered(2));
const custody = book.find({ runId: RUN, jobId: JOB, attempt: 1 });
if (custody === undefined) throw new Error('not there');
const who = { org: ORG, agentId: 'a', session: 9 };
const job = { messageId: 'm 1', runId: RUN, jobId: JOB, timestamp: 1 };
const parse = (frame: object): JobFrame => wire.AgentMessage.parse(frame) as JobFrame; // only job frames are given
const plain = { who, frameNo: 3, resends: false };

describe('a fact', () => {
  it('lies where its kind belongs, with the name of its session and not of its body', () => {
    const ack = jobFact(
      parse({ type: 'job.ack', ...job, agentId: 'thief' }),
      'text',
      custody,
      plain,
    );
    expect(ack).toMatchObject({ stream: 'WB_RUNS', type: 'job.ack', body: 'text' });
    expect(ack.meta).toMatchObject({
      runId: RUN,
      jobId: JOB,
      attempt: 1,
      fence: 1,
      agentId: 'a',
      session: 9,
    });
    const chunk = jobFact(
      parse({ type: 'log.chunk', ...job, stepIndex: 0, lines: [] }),
      'text',
      custody,
      plain,
    );
    expect(chunk.stream).toBe('WB_LOGS');
    const approval = jobFact(
      parse({
        type: 'step.approval-request',
        ...job,
        stepIndex: 0,
        stepName: 's',
        clauses: [],
        reason: '',
      }),
      'text',
      custody,
      plain,
    );
    expect(approval).toMatchObject({ stream: 'WB_RUNS', type: 'approval.requested' });
    const heartbeat = jobFact(parse({ type: 'job.heartbeat', ...job }), 'text', custody, plain);
    expect(heartbeat.stream).toBe('WB_HEARTBEATS');
  });

  it('is named by session and frame, because the message ids of agents repeat', () => {
    const frame = parse({ type: 'job.ack', ...job });
    expect(jobFact(frame, '', custody, plain).meta.id).toBe(`${ORG}:s9:3`);
    expect(jobFact(frame, '', custody, { ...plain, frameNo: 4 }).meta.id).toBe(`${ORG}:s9:4`);
  });

  it('that our SDK resends keeps its name on its session, has another on the next, and fits a header', () => {
    const frame = parse({ type: 'job.status', ...job, state: 'success' });
    const resends = { ...plain, resends: true };
    const later = { ...resends, who: { ...who, session: 10 } };
    const idOf = (message: JobFrame, spoken: typeof resends) =>
      jobFact(message, '', custody, spoken).meta.id;
    const first = idOf(frame, resends);
    expect(idOf(frame, { ...resends, frameNo: 77 })).toBe(first);
    expect(idOf(frame, later)).not.toBe(first);
    expect(first).toMatch(/^[\x21-\x7e]+$/);
    const clean = parse({ type: 'job.status', ...job, messageId: 'm1', state: 'success' });
    expect(idOf(clean, resends)).toBe(`${ORG}:${RUN}:a:m1:${JOB}:job.status:s9`);
    // Nobody judges a line of a log: it is kept once, whatever the session.
    const chunk = parse({ type: 'log.chunk', ...job, stepIndex: 0, lines: [] });
    expect(idOf(chunk, later)).toBe(idOf(chunk, resends));
  });

  it('that our SDK resends is named by its attempt and kind too, so that each may count from one', () => {
    const resends = { ...plain, resends: true };
    const idOf = (frame: object, of = custody) => jobFact(parse(frame), '', of, resends).meta.id;
    const ack = { type: 'job.ack', ...job };
    const chunk = { type: 'log.chunk', ...job, stepIndex: 0, lines: [] };
    expect(idOf({ ...ack, type: 'job.status', state: 'success' })).not.toBe(idOf(ack));
    for (const frame of [ack, chunk]) {
      expect(idOf(frame, { ...custody, attempt: 2 })).not.toBe(idOf(frame));
      expect(idOf(frame, { ...custody, jobId: `${JOB}b` })).not.toBe(idOf(frame));
    }
  });

  it('of usage is named by its attempt and message alone, so that each attempt may count from one', () => {
    const report = parse({ type: 'usage.report', ...job, entries: [{ kind: 'tool_call' }] });
    const idOf = (of: typeof custody, spoken: typeof plain) =>
      jobFact(report, '', of, spoken).meta.id;
    const first = idOf(custody, plain);
    expect(idOf(custody, { ...plain, frameNo: 9, who: { ...who, session: 10 } })).toBe(first);
    expect(idOf({ ...custody, attempt: 2 }, plain)).not.toBe(first);
    expect(idOf({ ...custody, jobId: `${JOB}b` }, plain)).not.toBe(first);
  });

  it('about a socket has one name per session, attempt and kind', () => {
    const ids = [
      socketFact({ type: 'agent.lost', body: { code: 1006, scalerManaged: false } }, custody, 9),
      socketFact({ type: 'agent.resumed', body: { previousSession: 7 } }, custody, 9),
      socketFact({ type: 'agent.absent', body: { previousSession: 7 } }, custody, 9),
      heardFact(parse({ type: 'job.heartbeat', ...job }), custody, plain),
    ].map((draft) => draft.meta.id);
    expect(new Set(ids).size).toBe(4);
  });
});

it('only a status can be the last word of a job', () => {
  const states = ['queued', 'running', 'cancelling', 'success', 'failed', 'cancelled'];
  const last = states.filter((state) =>
    isTerminalStatus(parse({ type: 'job.status', ...job, state })),
  );
  expect(last).toEqual(['success', 'failed', 'cancelled']);
  expect(isTerminalStatus(parse({ type: 'job.ack', ...job }))).toBe(false);
});
