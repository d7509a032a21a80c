/** What holds of approvals in every history: one resolution, that of the votes, and no clock that runs while people are asked. */
import { describe, expect, it } from 'vitest';
import { isOpenApproval, tallyOf } from './approval.ts';
import { runsUntil } from './attempt.ts';
import { isEntitled } from './guards.ts';
import { currentAttempt } from './job.ts';
import { everyMove, pairs } from './moves.fixture.ts';
import { isTerminalJob } from './states.ts';

describe('an approval', () => {
  it('is never forgotten, keeps its name and its votes, and has one outcome', () => {
    everyMove((move) => {
      for (const [was, is] of pairs(move)) {
        expect(new Set(is.approvals.map(({ id }) => id)).size).toBe(is.approvals.length);
        for (const [index, before] of was.approvals.entries()) {
          const now = is.approvals[index];
          expect(now).toMatchObject({ id: before.id, attempt: before.attempt });
          expect(now?.votes.slice(0, before.votes.length)).toEqual(before.votes);
          if (before.outcome === null) continue;
          const { outcome, resolvedAt, votes } = before;
          expect(now).toMatchObject({ outcome, resolvedAt, votes });
        }
      }
    }, 200);
  });

  it('is rejected wherever anybody who was asked rejected it before it was resolved', () => {
    everyMove(({ event, after }) => {
      for (const { approvals } of after.jobs)
        for (const { outcome, votes } of approvals) {
          const isOld = event.type === 'approval.answered' && event.body.approvalId === undefined;
          if (isOld || outcome === null || outcome === 'withdrawn') continue;
          if (votes.some(({ decision }) => decision === 'reject')) expect(outcome).toBe('rejected');
        }
    }, 200);
  });

  it('is approved or rejected only as the votes say, and expires only where they do not and its time is over', () => {
    everyMove((move) => {
      if (move.event.type !== 'approval.resolved') return;
      for (const [was, is] of pairs(move))
        for (const [index, before] of was.approvals.entries()) {
          const outcome = is.approvals[index]?.outcome ?? null;
          if (before.outcome !== null || outcome === null || outcome === 'withdrawn') continue;
          expect(outcome).toBe(tallyOf(before) ?? 'expired');
          if (outcome === 'expired') expect(move.event.at).toBeGreaterThan(before.expiresAt);
        }
    }, 200);
  });

  it('counts only the votes of those who were asked, each once', () => {
    everyMove(({ after }) => {
      for (const { approvals } of after.jobs)
        for (const { clauses, votes } of approvals) {
          for (const vote of votes) expect(isEntitled(vote, clauses)).toBe(true);
          const said = votes.map(({ by, decision }) => `${decision} ${by}`);
          expect(new Set(said).size).toBe(said.length);
        }
    });
  });

  it('is open only of the job that is held or the attempt that is at work, whose clock stands still meanwhile', () => {
    everyMove(({ after }) => {
      for (const job of after.jobs) {
        const current = currentAttempt(job);
        const open = job.approvals.filter(isOpenApproval);
        if (isTerminalJob(job.state) || job.state === 'queued') expect(open).toEqual([]);
        for (const { attempt } of open) expect(attempt).toBe(current?.attempt ?? 0);
        if (job.state === 'held') expect(open.length).toBe(1);
        else if (current !== undefined) {
          expect(current.waitingSince !== null).toBe(open.length > 0);
          if (open.length > 0) expect(runsUntil(current, 1)).toBeUndefined();
        }
      }
    });
  });
});
