/**
 * Two desks over random histories, one of them mostly behind, some decisions stored behind facts that they had not seen: nothing is
 * decided before its time or before people could be heard, every offer has one resolution, and once nobody speaks any more
 * everything that anybody held is settled.
 */
import type { Attempt, FactType, Job, Run, RunEvent } from '@waybill/protocol';
import {
  currentAttempt,
  foldRun,
  isHeld,
  isOpenApproval,
  runsUntil,
  waitsUntil,
} from '@waybill/protocol';
import { RUN, START } from '@waybill/protocol/fixtures';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { deskBench } from './desk.fixture.ts';

const JOBS = 3;
const said = [
  'offer',
  'ack',
  'reject',
  'progress',
  'end',
  'stopping',
  'lost',
  'lost',
  'scaled',
  'back',
  'absent',
  'ask',
  'stop',
  'wait',
  'answer',
  'beat',
] as const;
const done = [
  'sweep',
  'sweep',
  'sweep',
  'read',
  'race',
  'away',
  'lapse',
  'return',
  'gain',
] as const;
const step = fc.record({
  what: fc.constantFrom(...said, ...done, 'offer' as const, 'ack' as const),
  job: fc.integer({ min: 0, max: JOBS - 1 }),
  desk: fc.integer({ min: 0, max: 1 }),
  passed: fc.constantFrom(0, 1, 50, 700, 3_000, 9_999, 10_001, 31_000, 121_000),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type Bench = ReturnType<typeof deskBench>;
type Scene = { now: number; session: number; floor: number };

/** What runs after which time, said anew and plainly: undefined for what does not run. */
function dueAt(run: Run, event: RunEvent): number | undefined {
  const job = run.jobs.find(({ spec }) => spec.jobId === event.meta.jobId);
  const current = job && currentAttempt(job);
  if (job === undefined || event.type === 'unreadable') return undefined;
  if (event.type === 'job.timed_out') return waitsUntil(job);
  if (event.type === 'approval.resolved')
    return job.approvals.find(({ id }) => id === event.body.approvalId)?.expiresAt;
  if (current === undefined) return undefined;
  const until: Partial<Record<RunEvent['type'], number | null | undefined>> = {
    'job.expired': current.until,
    'job.lost': current.recoverUntil,
    'job.stale': lastWord(current, event) + 120_000,
    'job.cancelled': current.stop?.until,
    'job.cancel': current.stop?.until ?? runsUntil(current, job.spec.timeoutMs),
    'session.ended': 0,
    'deadline.extended': 0,
  };
  return until[event.type] ?? undefined;
}

const lastWord = (current: Attempt, event: RunEvent): number =>
  Math.max(
    current.heardAt ?? current.offeredAt,
    event.type === 'job.stale' ? (event.body.heartbeat?.at ?? 0) : 0,
  );

/** A fact, or a decision of the dispatcher, mostly one that is legal now. */
function speak(bench: Bench, scene: Scene, step: Step): void {
  const { h, beat } = bench;
  const jobId = `${RUN}-${step.job}`;
  const known = foldRun(h.events).jobs[step.job];
  const current = known && currentAttempt(known);
  const { attempt = 1, session = 1, agentId = 'a' } = current ?? {};
  const about = { jobId, attempt, session, agentId, at: scene.now };
  const { what } = step;
  if (what === 'offer' || what === 'back' || what === 'absent' || what === 'stop')
    return known && move(bench, scene, what, { job: known, about });
  if (what === 'answer') return known && approve(bench, scene, known);
  const word = what === 'ask' ? cancelOf(jobId) : words.get(what);
  if (word === undefined) return beat(scene.now, attempt, jobId);
  h.add(word[0], word[1] as never, about); // each body is that of its type
}

const cancelOf = (jobId: string): readonly [FactType, object] => [
  'cancel.requested',
  { jobIds: [jobId], by: 'ada' },
];

/** Somebody answers the last that is open, and the dispatcher ends it. */
function approve(
  { h }: Bench,
  { now: at }: Scene,
  { spec, state, approvals, attempts }: Job,
): void {
  const { jobId } = spec;
  const approvalId = approvals.findLast(isOpenApproval)?.id ?? 'none';
  const vote = { approvalId, by: 'ada', teams: [], decision: 'approve' as const };
  h.add('approval.answered', vote, { jobId, at });
  const asking = state === 'held' ? {} : { attempt: Math.max(1, attempts.length) };
  const body = { jobId, ...asking, approvalId, outcome: 'approved' as const };
  h.add('approval.resolved', body, { jobId, at });
}

const words: ReadonlyMap<string, readonly [FactType, object]> = new Map([
  ['ack', ['job.ack', {}]],
  ['reject', ['job.reject', { reason: 'busy' }]],
  ['progress', ['job.status', { state: 'running' }]],
  ['stopping', ['job.status', { state: 'cancelling' }]],
  ['end', ['job.status', { state: 'success' }]],
  ['lost', ['agent.lost', { code: 1006, scalerManaged: false }]],
  ['scaled', ['agent.lost', { code: 1006, scalerManaged: true }]],
  ['wait', ['approval.requested', { messageId: 'm', stepIndex: 0, timeoutSeconds: 30 }]],
]);

type About = Readonly<{
  jobId: string;
  attempt: number;
  session: number;
  agentId: string;
  at: number;
}>;
type Moved = Readonly<{ job: Job; about: About }>;

/** What makes or moves an attempt. */
function move(
  { h, register }: Bench,
  scene: Scene,
  what: 'offer' | 'back' | 'absent' | 'stop',
  { job, about }: Moved,
): void {
  const { jobId, attempt, session } = about;
  switch (what) {
    case 'offer': {
      if (job.state !== 'queued') return;
      scene.session += 1;
      if (scene.session % 2 === 0) register(scene.session);
      const offer = {
        jobId,
        attempt: job.attempts.length + 1,
        fence: h.seq(),
        agentId: `agent-${scene.session}`,
        session: scene.session,
        ackTimeoutMs: 10_000,
        reason: 'initial',
      } as const;
      return void h.add('job.offered', offer, { ...about, ...offer });
    }
    case 'stop': {
      if (!isHeld(job)) return;
      const stop = { jobId, attempt, reason: 'cancelled', force: false, graceMs: 30_000 } as const;
      return void h.add('job.cancel', stop, about);
    }
    default: {
      const type = what === 'back' ? 'agent.resumed' : 'agent.absent';
      scene.session += 1;
      return void h.add(type, { previousSession: session }, { ...about, session: scene.session });
    }
  }
}

/** Everything that the desk has in hand, performed with what is folded by then; `isBlind`: behind facts that come in between. */
function sweep(bench: Bench, scene: Scene, { desk, job }: Step, isBlind = false): void {
  for (
    let tasks = bench.take(scene.now, desk);
    tasks.length > 0;
    tasks = bench.take(scene.now, desk)
  )
    for (const task of tasks) {
      if (isBlind) speak(bench, scene, { what: 'ack', job, desk, passed: 0 });
      const before = foldRun(bench.h.events);
      const stored = bench.perform(desk, task, scene.now, isBlind);
      if (stored !== undefined) judge(bench, scene, before, stored);
      if (!isBlind) bench.catchUp(desk);
    }
}

function judge(bench: Bench, scene: Scene, before: Run, stored: RunEvent): void {
  const after = foldRun(bench.h.events);
  const isVoid = after.anomalies > before.anomalies;
  const due = dueAt(before, stored);
  if (isVoid) return;
  expect(due, `${stored.type} of what does not run`).toBeDefined();
  expect(stored.at).toBeGreaterThan(due ?? 0);
  if (stored.type !== 'job.expired') return;
  const attempt = before.jobs.find(({ spec }) => spec.jobId === stored.meta.jobId)?.attempts.at(-1);
  // Open while the log was away: everybody had an answer time more.
  if ((attempt?.offeredAt ?? 0) < scene.floor)
    expect(stored.at).toBeGreaterThan(scene.floor + 10_000);
}

function take(bench: Bench, scene: Scene, each: Step): void {
  switch (each.what) {
    case 'sweep':
      bench.catchUp(each.desk);
      return sweep(bench, scene, each);
    case 'race':
      return sweep(bench, scene, each, true);
    case 'read':
      return bench.catchUp(each.desk, 1 + each.job);
    case 'away':
      scene.floor = scene.now;
      for (const at of [0, 1]) bench.desk(at).logIsBack(scene.now, 3_000);
      return;
    case 'gain':
      return bench.desk(each.desk).beginWatch(scene.now);
    case 'lapse':
      return bench.lease(false, scene.now);
    case 'return':
      return bench.lease(true, scene.now);
    default:
      return speak(bench, scene, each);
  }
}

function play(steps: readonly Step[]): Readonly<{ bench: Bench; scene: Scene }> {
  const bench = deskBench({ desks: 2 });
  const scene: Scene = { now: START, session: 100, floor: 0 };
  const spec = { timeoutMs: 60_000, queueTimeoutMs: 40_000 };
  bench.lease(true, START);
  const approval = { timeoutMs: 50_000 };
  bench.h.created([{ name: 'a', ...spec }, { name: 'b' }, { name: 'c', ...spec, approval }]);
  for (const each of steps) {
    // The log's own time never stands still between two events of a history.
    scene.now = Math.max(scene.now, bench.h.at()) + each.passed;
    take(bench, scene, each);
  }
  return { bench, scene };
}

const anySteps = fc.array(step, { maxLength: 80, size: 'max' });

it('nothing is decided before its time, and nothing twice (invariants 1 and 10)', () => {
  fc.assert(
    fc.property(anySteps, (steps) => {
      const { bench } = play(steps);
      for (const { attempts } of bench.run().jobs)
        for (const [at, attempt] of attempts.entries())
          if (at < attempts.length - 1) expect(attempt.resolution).not.toBeNull();
    }),
    { numRuns: 300 },
  );
});

it('once nobody speaks any more everything that anybody held is settled (invariant 9)', () => {
  fc.assert(
    fc.property(anySteps, fc.integer({ min: 0, max: 1 }), (steps, desk) => {
      const { bench, scene } = play(steps);
      // One of the two is gone, with whatever it had in hand.
      const from = Math.max(scene.now, bench.h.at());
      bench.desk(desk).beginWatch(from);
      for (let now = from; now < from + 400_000; now += 2_000) {
        const at = { ...scene, now };
        bench.catchUp(desk);
        sweep(bench, at, { what: 'sweep', job: 0, desk, passed: 0 });
      }
      expect(bench.run().jobs.filter(isHeld)).toEqual([]);
      expect(bench.run().jobs.filter(({ state }) => state === 'held')).toEqual([]);
      const waiting = bench.run().jobs.filter((job) => waitsUntil(job) !== undefined);
      expect(waiting).toEqual([]);
      bench.catchUp(desk);
      expect(bench.desk(desk).nextDueAt()).toBeUndefined();
    }),
    { numRuns: 200 },
  );
});

it('a desk that begins with a snapshot looks when one does that read everything', () => {
  fc.assert(
    fc.property(anySteps, (steps) => {
      const { bench } = play(steps);
      const [reading, restored] = [deskBench(), deskBench()];
      for (const each of [reading, restored]) each.h.events.push(...bench.h.events);
      reading.catchUp();
      restored.catchUp();
      restored.desk().restored(bench.run());
      expect(restored.desk().nextDueAt()).toBe(reading.desk().nextDueAt());
    }),
    { numRuns: 50 },
  );
});

it('the histories reach every decision, stored and void', () => {
  const stored = new Set<string>();
  for (const steps of fc.sample(anySteps, { numRuns: 600, seed: 1 })) {
    const { bench } = play(steps);
    let run = foldRun([]);
    for (const event of bench.h.events) {
      const { anomalies } = run;
      run = foldRun([event], run);
      if (event.meta.source === '/waybill/scheduler')
        stored.add(`${run.anomalies > anomalies ? 'void ' : ''}${event.type}`);
    }
  }
  const all = ['expired', 'lost', 'stale', 'timed_out', 'cancel', 'cancelled'].map(
    (event) => `job.${event}`,
  );
  const reached = [
    ...all,
    'approval.resolved',
    'session.ended',
    'deadline.extended',
    'void job.expired',
  ];
  expect([...stored]).toEqual(expect.arrayContaining(reached));
});
