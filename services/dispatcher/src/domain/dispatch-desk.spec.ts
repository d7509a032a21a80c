/** A desk on a log in memory: what it appends, when, and what it costs. */
import { currentAttempt, offersSpent } from '@waybill/protocol';
import { describe, expect, it } from 'vitest';
import { unansweredMax } from './dispatch-desk.ts';
import { offersIn, type Reading, reading, type SmallLog, smallLog } from './small-log.fixture.ts';

type Offer = ReturnType<typeof offersIn>[number];
const world = (): Readonly<{ log: SmallLog; one: Reading }> => {
  const log = smallLog();
  return { log, one: reading(log) };
};
const agentsOf = (log: SmallLog): readonly (string | undefined)[] =>
  offersIn(log.events()).map(({ meta }) => meta.agentId);
const jobOf = (log: SmallLog, id: string, index = 0) => {
  const job = log.run(id).jobs[index];
  if (job === undefined) throw new Error('the run has that job');
  return job;
};

describe('the desk', () => {
  it('offers a queued job, and completes its run when it has ended', () => {
    const { log, one } = world();
    const session = log.registers('a');
    const id = log.created();
    one.settle();
    expect(offersIn(log.events())[0]?.body).toMatchObject({ session, attempt: 1, room: 'assumed' });
    log.fact('job.status', `${id}-0`, { state: 'success' });
    one.settle();
    expect(log.run(id).state).toBe('success');
  });

  it('keeps the request of a run with a job that is offered late', () => {
    const { log, one } = world();
    const id = log.created();
    one.settle();
    log.pass(3_600_000);
    log.registers('a');
    one.settle();
    const { requestId } = log.run(id);
    expect(requestId).not.toBeNull();
    expect(offersIn(log.events())[0]?.meta).toMatchObject({ requestId, traceparent: 'tp' });
  });

  it('has one decision of a run on its way, until it has read it back', () => {
    const { log, one } = world();
    log.registers('a', { capacity: 2 });
    log.created([{ name: 'x' }, { name: 'y' }]);
    one.readAgents();
    one.readRuns();
    expect(one.decide()).toHaveLength(1);
    expect(one.decide()).toHaveLength(0);
    one.answer();
    expect(one.decide()).toHaveLength(0);
    one.readRuns();
    expect(one.decide()).toHaveLength(1);
  });

  it('asks no more of the log at once than its bound', () => {
    const { log, one } = world();
    for (let at = 0; at < 300; at += 1) {
      log.registers(`a${at}`);
      log.created();
    }
    one.readAgents();
    one.readRuns();
    expect(one.decide()).toHaveLength(unansweredMax);
    expect(one.decide()).toHaveLength(0);
    one.answer(10);
    one.readRuns();
    expect(one.decide()).toHaveLength(10);
    one.settle();
    expect(offersIn(log.events())).toHaveLength(300);
    expect(one.desk.unanswered()).toBe(0);
  });

  it('decides again after a while where nobody knows what is stored, and holds the slot until then', () => {
    const { log, one } = world();
    log.registers('a');
    const id = log.created();
    one.readAgents();
    one.readRuns();
    const [lost] = one.desk.decide(log.now(), true);
    one.desk.answered(id, undefined, log.now());
    const due = one.desk.nextDue();
    expect(due).toBe(log.now() + 1_000);
    expect(one.desk.decide(log.now() + 999, true)).toEqual([]);
    expect(one.desk.decide(log.now() + 1_000, true)).toEqual([lost]);
  });

  it('decides at once again where nothing was sent', () => {
    const { log, one } = world();
    log.registers('a');
    const id = log.created();
    one.readAgents();
    one.readRuns();
    const made = one.desk.decide(log.now(), true);
    one.desk.answered(id, made[0]?.expect.lastSeq, log.now());
    expect(one.desk.decide(log.now(), true)).toEqual(made);
  });

  it('begins nothing where it may not, and goes on with endings', () => {
    const { log, one } = world();
    log.registers('a');
    const first = log.created();
    one.settle();
    const second = log.created();
    log.fact('job.status', `${first}-0`, { state: 'success' });
    one.readRuns();
    expect(one.decide(false).map(({ draft }) => draft.type)).toEqual(['run.completed']);
    one.answer();
    one.settle();
    expect(jobOf(log, second).state).toBe('offered');
  });

  it('serves lines in turn, and a line in the order of coming', () => {
    const { log, one } = world();
    log.registers('a', { labels: ['x', 'y'] });
    const asked = (label: string) => log.created([{ name: 'j', runsOn: [label] }]);
    const runs = [asked('x'), asked('x'), asked('x'), asked('y'), asked('y')];
    for (let left = runs.length; left > 0; left -= 1) {
      one.settle();
      const offer = offersIn(log.events()).at(-1) as Offer;
      log.fact('job.status', `${offer.runId}-0`, { state: 'success' });
    }
    const order = offersIn(log.events()).map(({ runId }) => runs.indexOf(runId));
    expect(order).toEqual([0, 3, 1, 4, 2]);
  });

  it('gives a job that is held back to nobody before its time, and wakes for it', () => {
    const { log, one } = world();
    log.registers('a');
    log.registers('b');
    const id = log.created();
    one.settle();
    log.fact('job.reject', `${id}-0`, { reason: 'busy' });
    one.settle();
    const { notBefore } = jobOf(log, id);
    expect(one.desk.nextDue()).toBe(notBefore);
    expect(agentsOf(log)).toEqual(['a']);
    log.pass(notBefore - log.now());
    one.settle();
    expect(agentsOf(log)).toEqual(['a', 'b']);
  });

  it('gives the slot of a run back that ends under an offer on its way', () => {
    const { log, one } = world();
    log.registers('a', { labels: ['a'] });
    const id = log.created([
      { name: 'a', runsOn: ['a'] },
      { name: 'b', runsOn: ['b'] },
    ]);
    one.settle();
    log.registers('b', { labels: ['b'] });
    log.fact('job.status', `${id}-0`, { state: 'success', droppedJobs: ['b'] });
    one.readAgents();
    // The log already knows that the job is gone.
    expect(one.decide().map(({ draft }) => draft.type)).toEqual(['job.offered']);
    reading(log).settle();
    expect(log.run(id).state).toBe('success');
    one.answer();
    one.settle();
    const next = log.created([{ name: 'b', runsOn: ['b'] }]);
    one.settle();
    expect(jobOf(log, next).state).toBe('offered');
  });
});

describe('a fleet that is busy for minutes', () => {
  /** Agents that answer busy at once to whatever they are offered, and may say then how much they do; an hour of it. */
  function busyHour(agents: number, jobs: number, { minutes = 60, tells = false } = {}) {
    const { log, one } = world();
    for (let at = 0; at < agents; at += 1) log.registers(`a${at}`);
    const ids = Array.from({ length: jobs }, () => log.created());
    const until = log.now() + minutes * 60_000;
    let wakes = 0;
    while (log.now() < until) {
      one.settle();
      for (const id of ids) {
        const { state, attempts } = jobOf(log, id);
        const { agentId, session } = attempts.at(-1) ?? {};
        if (state !== 'offered' || agentId === undefined) continue;
        log.fact('job.reject', `${id}-0`, { reason: 'busy' });
        if (tells) log.agent('status', agentId, { activeJobs: 1 }, session);
      }
      one.settle();
      const due = one.desk.nextDue() ?? until;
      wakes += 1;
      log.pass(Math.max(1, Math.min(due, until) - log.now()));
    }
    return { log, ids, wakes };
  }

  it('burns no budget', () => {
    const { log, ids } = busyHour(10, 3);
    for (const id of ids) {
      const job = jobOf(log, id);
      expect([job.state, offersSpent(job)]).toEqual(['queued', 0]);
      expect(job.unspent.busy).toBeGreaterThan(10);
    }
  });

  it('costs one offer of each agent every five minutes, however many jobs wait', () => {
    for (const jobs of [1, 20]) {
      const { log, wakes } = busyHour(10, jobs);
      expect(offersIn(log.events()).length).toBeLessThanOrEqual(10 * 13);
      expect(wakes).toBeLessThan(3 * 10 * 13 + jobs);
    }
  });

  it('burns none and costs no more where each says, after every reject, that it is at work', () => {
    const { log, ids } = busyHour(10, 3, { minutes: 15, tells: true });
    for (const id of ids)
      expect([jobOf(log, id).state, offersSpent(jobOf(log, id))]).toEqual(['queued', 0]);
    expect(log.agents.filter(({ type }) => type === 'status').length).toBeGreaterThan(10);
    expect(offersIn(log.events()).length).toBeLessThanOrEqual(10 * 4);
  });

  it('is offered the job as soon as one of them reports room, and then a busy costs', () => {
    const { log, one } = world();
    const session = log.registers('a');
    const id = log.created();
    one.settle();
    log.fact('job.reject', `${id}-0`, { reason: 'busy' });
    one.settle();
    log.pass(60_000);
    one.settle();
    expect(offersIn(log.events())).toHaveLength(1);
    log.agent('status', 'a', { activeJobs: 0 }, session);
    one.settle();
    expect(currentAttempt(jobOf(log, id))).toMatchObject({ attempt: 2, room: 'reported' });
    log.fact('job.reject', `${id}-0`, { reason: 'busy' });
    expect(offersSpent(jobOf(log, id))).toBe(1);
  });
});

describe('jobs that nobody can have', () => {
  it('cost nothing while others come and go', () => {
    const { log, one } = world();
    for (let at = 0; at < 500; at += 1) log.created([{ name: 'j', runsOn: [`gone-${at % 50}`] }]);
    log.registers('a', { labels: ['here'] });
    one.settle();
    let looked = 0;
    const decide = one.desk.decide;
    for (let at = 0; at < 50; at += 1) {
      const id = log.created([{ name: 'j', runsOn: ['here'] }]);
      one.settle();
      log.fact('job.status', `${id}-0`, { state: 'success' });
      one.settle();
      looked += decide(log.now(), true).length;
    }
    expect(looked).toBe(0);
    expect(offersIn(log.events())).toHaveLength(50);
    expect(one.desk.nextDue()).toBeUndefined();
  });
});

describe('a desk that was restored', () => {
  it('goes on as the one that it was saved from', () => {
    const { log, one } = world();
    log.registers('a', { capacity: 2 });
    log.registers('b', { labels: ['b'] });
    log.created([{ name: 'x' }, { name: 'y', needs: [{ job: 'x', on: ['success'] }] }]);
    log.created([{ name: 'z' }]);
    const expiring = log.created([{ name: 'e', runsOn: ['b'] }]);
    one.settle();
    log.expires(`${expiring}-0`);
    one.settle();
    const two = reading(log);
    two.desk.fleet.restore(one.desk.fleet.save());
    for (const run of log.runs()) two.desk.restored(run);
    expect(two.desk.decide(log.now(), true)).toEqual(one.desk.decide(log.now(), true));
    expect(two.desk.fleet.load('main', 'a')).toBe(one.desk.fleet.load('main', 'a'));
    expect(two.desk.fleet.save()).toEqual(one.desk.fleet.save());
  });
});
