/**
 * Whatever happens in whatever order, and however far its readers lag: nobody is offered more than they take, nobody who is out
 * of it is offered anything, two who decide give no job away twice, and in the end every run has ended.
 */
import { currentAttempt, isHeld, isUntouched, type Job } from '@waybill/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { offersIn, type Reading, reading, type SmallLog, smallLog } from './small-log.fixture.ts';

const AGENTS = ['a', 'b', 'c'] as const;
const CAPACITY = 2;

const step = fc.record({
  what: fc.constantFrom(
    'read',
    'read',
    'decide',
    'decide',
    'answer',
    'create',
    'register',
    'drain',
    'ack',
    'busy',
    'refuse',
    'expire',
    'end',
    'end',
    'fail',
    'cancel',
    'report',
    'wait',
  ),
  desk: fc.nat(1),
  which: fc.nat(30),
  count: fc.integer({ min: 1, max: 6 }),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
const steps = fc.array(step, { maxLength: 120, size: 'max' });

type Held = Readonly<{ jobId: string; job: Job }>;
const jobsOf = (log: SmallLog): readonly Job[] => log.runs().flatMap(({ jobs }) => jobs);
const heldBy = (log: SmallLog, state: 'offered' | 'running'): readonly Held[] =>
  jobsOf(log).flatMap((job) => (job.state === state ? [{ jobId: job.spec.jobId, job }] : []));

type Happening = (log: SmallLog, step: Step) => unknown;

const agentOf = ({ which }: Step): string => AGENTS[which % AGENTS.length] ?? 'a';
const heldJob = (log: SmallLog, { which }: Step, state: 'offered' | 'running'): string => {
  const held = heldBy(log, state);
  return held[which % Math.max(1, held.length)]?.jobId ?? '';
};
const says =
  (
    state: 'offered' | 'running',
    type: 'job.ack' | 'job.reject' | 'job.status',
    word: string,
  ): Happening =>
  (log, step) => {
    const jobId = heldJob(log, step, state);
    if (jobId === '') return;
    const body = { reason: word, state: word === 'failed' ? 'failed' : 'success' } as const;
    log.fact(type, jobId, body);
  };

/** What happens outside: agents, people, schedulers. */
const happenings: Readonly<Partial<Record<Step['what'], Happening>>> = {
  create: (log, { which }) => {
    const needs = [{ job: 'x', on: ['success' as const] }];
    const jobs = [{ name: 'x' }, { name: 'y', runsOn: ['l'] }, { name: 'z', needs }];
    log.created(jobs.slice(0, (which % 3) + 1), { failFast: which % 5 === 0, offersMax: 20 });
  },
  register: (log, step) => {
    const labels = step.which % 2 === 0 ? ['l'] : [];
    log.registers(agentOf(step), { capacity: CAPACITY, labels });
  },
  drain: (log, step) =>
    log.agent('draining', agentOf(step), { draining: step.which % 2 === 0, by: 'anna' }),
  ack: says('offered', 'job.ack', ''),
  busy: says('offered', 'job.reject', 'busy'),
  refuse: says('offered', 'job.reject', 'draining'),
  end: says('running', 'job.status', 'success'),
  fail: says('running', 'job.status', 'failed'),
  expire: (log, step) => log.expires(heldJob(log, step, 'offered')),
  cancel: (log, { which }) => {
    const run = log.runs()[which % Math.max(1, log.runs().length)];
    if (run !== undefined && run.created !== null) log.cancel(run.created.runId);
  },
  report: (log, step) => {
    const agent = agentOf(step);
    const session = log.agents.findLast(
      (event) => event.type === 'registered' && event.meta.agentId === agent,
    )?.seq;
    if (session !== undefined) log.agent('status', agent, { activeJobs: step.which % 3 }, session);
  },
  wait: (log, { count }) => log.pass(count * 100_000),
};
const happens: Happening = (log, step) => happenings[step.what]?.(log, step);

/** As far as a desk has read: who is out of it. */
function isOut(log: SmallLog, one: Reading, agentId: string, session: number): boolean {
  const { runs, agents } = one.read();
  const known = log.agents.slice(0, agents).filter(({ meta }) => meta.agentId === agentId);
  const drained = known.findLast((event) => event.type === 'draining');
  if (drained?.body.draining === true) return true;
  if (known.findLast(({ type }) => type === 'registered')?.seq !== session) return true;
  return log.heard.slice(0, runs).some(({ event, run, isVoid }) => {
    if (isVoid) return false;
    const isExit =
      event.type === 'job.expired' ||
      (event.type === 'job.reject' && event.body.reason === 'draining');
    const job = run.jobs.find(({ spec }) => spec.jobId === event.meta.jobId);
    const attempt = job && currentAttempt(job);
    return isExit && attempt?.agentId === agentId && attempt.session === session;
  });
}

function act(log: SmallLog, one: Reading, { what, count, which }: Step): void {
  if (what === 'read') {
    if (which % 2 === 0) one.readRuns(count);
    else one.readAgents(count);
  }
  if (what === 'answer') one.answer(count);
  if (what !== 'decide') return;
  for (const { draft } of one.decide())
    if (draft.type === 'job.offered')
      expect(isOut(log, one, draft.meta.agentId ?? '', draft.meta.session ?? 0)).toBe(false);
}

/** Agents that do their work, until every run has ended. */
function workOff(log: SmallLog, desks: readonly Reading[]): void {
  for (const agent of AGENTS) {
    log.agent('draining', agent, { draining: false, by: 'anna' });
    log.registers(agent, { capacity: CAPACITY, labels: ['l'] });
  }
  for (let round = 0; round < 1_000; round += 1) {
    for (const one of desks) one.settle();
    if (log.runs().every(({ completed }) => completed !== null)) return;
    log.pass(600_000);
    for (const job of jobsOf(log))
      if (isHeld(job))
        log.fact('job.status', job.spec.jobId, {
          state: currentAttempt(job)?.stop === null ? 'success' : 'cancelled',
        });
  }
}

const isVoidDecision = ({ isVoid, event }: SmallLog['heard'][number]): boolean =>
  isVoid && ['job.offered', 'job.cancel', 'job.cancelled', 'run.completed'].includes(event.type);

describe('a desk', () => {
  it('offers nobody more than they take, and nothing to whom it knows to be out of it', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const log = smallLog();
        const one = reading(log);
        for (const each of all) {
          happens(log, each);
          act(log, one, each);
          for (const agentId of AGENTS) {
            const held = jobsOf(log).filter(
              (job) => isHeld(job) && currentAttempt(job)?.agentId === agentId,
            );
            expect(held.length).toBeLessThanOrEqual(CAPACITY);
          }
        }
      }),
    );
  });

  it('beside another gives no job away twice, and between them every run ends', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const log = smallLog();
        const desks = [reading(log), reading(log)] as const;
        for (const each of all) {
          happens(log, each);
          act(log, desks[each.desk === 0 ? 0 : 1], each);
        }
        workOff(log, desks);
        expect(log.heard.filter(isVoidDecision)).toEqual([]);
        const attempts = offersIn(log.events()).map(({ meta }) => `${meta.jobId}.${meta.attempt}`);
        expect(new Set(attempts).size).toBe(attempts.length);
        expect(log.runs().filter(({ completed }) => completed === null)).toEqual([]);
        expect(jobsOf(log).filter((job) => isUntouched(job) || isHeld(job))).toEqual([]);
        for (const { desk } of desks) {
          expect(desk.unanswered()).toBe(0);
          expect(AGENTS.map((agent) => desk.fleet.load('main', agent))).toEqual([0, 0, 0]);
        }
      }),
    );
  });

  it('restored at any moment knows what the one knew that was there all along, and goes on', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const log = smallLog();
        const one = reading(log);
        for (const each of all) {
          happens(log, each);
          act(log, one, each);
        }
        one.settle();
        const two = reading(log);
        two.desk.fleet.restore(one.desk.fleet.save());
        for (const run of log.runs()) two.desk.restored(run);
        const saved = ({ desk }: Reading) => desk.fleet.save().toSorted();
        expect(saved(two)).toEqual(saved(one));
        const endings = ({ desk }: Reading) => desk.decide(log.now(), false);
        expect(endings(two)).toEqual(endings(one));
        two.from(one.read());
        workOff(log, [two]);
        expect(log.runs().filter(({ completed }) => completed === null)).toEqual([]);
      }),
    );
  });
});
