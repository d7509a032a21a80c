/** Whatever happens to a run, in order or out of it: the board waits for what is queued, and counts what is held. */
import { currentAttempt, foldRun, isHeld } from '@waybill/protocol';
import { history, RUN } from '@waybill/protocol/fixtures';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createBoard } from './board.ts';
import { memberKey } from './fleet.ts';

const JOBS = 3;
const step = fc.record({
  what: fc.constantFrom('ack', 'reject', 'reject', 'expire', 'progress', 'end', 'drop'),
  job: fc.integer({ min: 0, max: JOBS - 1 }),
  session: fc.integer({ min: 7, max: 9 }),
  /** Mostly the attempt that would be next, or the one that is current. */
  off: fc.constantFrom(0, 0, 0, 0, -1, 1),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A queued job is offered, mostly: the rest is for jobs that somebody holds, or would like to. */
function add(h: ReturnType<typeof history>, { what, job, session, off }: Step): void {
  const jobId = `${RUN}-${job}`;
  const known = foldRun(h.events).jobs[job];
  const current = known === undefined ? undefined : currentAttempt(known);
  const attempt = Math.max(1, (current?.attempt ?? 0) + off);
  const holder = current?.session ?? session;
  const about = { jobId, attempt, session: holder, agentId: `agent-${holder}` };
  if (known?.state === 'queued' && off <= 0)
    return void h.offered(known.attempts.length + 1 + off, session, jobId);
  switch (what) {
    case 'ack':
      return void h.ack(attempt, holder, jobId);
    case 'reject':
      return void h.reject(attempt, holder, 'busy', jobId);
    case 'expire':
      return void h.expired(attempt, 10_001, jobId);
    case 'progress':
      return void h.status(attempt, holder, 'running', jobId);
    case 'end':
      return void h.status(attempt, holder, session === 9 ? 'failed' : 'success', jobId);
    default:
      return void h.add('job.status', { state: 'running', droppedJobs: ['job 0', 'job 1'] }, about);
  }
}

it('agrees with the fold after every event', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
      const h = history();
      const board = createBoard();
      board.fold(h.created(Array.from({ length: JOBS }, (_, at) => ({ name: `job ${at}` }))));
      for (const each of steps) {
        add(h, each);
        const event = h.events.at(-1);
        if (event === undefined) continue;
        board.fold(event);
        const { jobs } = foldRun(h.events);
        const queued = jobs.filter(({ state }) => state === 'queued');
        const now = h.at() + (each.session === 7 ? 60_000 : 0);
        const waiting = new Set(board.lines(now).flatMap((line) => [...line.jobs.keys()]));
        // One that has been let in stays, though this clock steps back.
        for (const { spec, notBefore } of queued)
          if (notBefore <= now) expect(waiting.delete(spec.jobId)).toBe(true);
          else waiting.delete(spec.jobId);
        expect(waiting).toEqual(new Set());
        for (const session of [7, 8, 9]) {
          const held = jobs.filter(
            (job) => isHeld(job) && currentAttempt(job)?.session === session,
          );
          expect(board.load(memberKey('main', `agent-${session}`))).toBe(held.length);
        }
      }
    }),
  );
});
