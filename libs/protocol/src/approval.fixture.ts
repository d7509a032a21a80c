/** What is said about approvals in histories of one run: an agent asks, people vote, it is resolved. */
import type { Approval } from './approval.ts';
import { history, JOB, type JobShape } from './run.fixture.ts';
import { foldRun } from './run.ts';
import type { RunCreated } from './run-created.ts';
import type { BodyOf } from './run-event.ts';

type Asked = Partial<BodyOf<'approval.requested'>>;
type Resolved = BodyOf<'approval.resolved'>['outcome'];

/** A run of one job, which is running on session 7 unless people have to approve it first. */
export function approvalHistory(shape: Partial<JobShape> = {}, change: Partial<RunCreated> = {}) {
  const h = history();
  h.created([{ name: 'a', ...shape }], change);
  const run = () => foldRun(h.events);
  const job = () => {
    const [found] = run().jobs;
    if (found === undefined) throw new Error('the run has its job');
    return found;
  };
  const approvals = (): readonly Approval[] => job().approvals;
  const last = (): Approval | undefined => approvals().at(-1);
  if (shape.approval === undefined) {
    h.offered(1, 7);
    h.ack(1, 7);
  }
  return {
    ...h,
    run,
    job,
    approvals,
    last,
    whyVoid: () => {
      const { lastVoid, seq } = run();
      return lastVoid?.seq === seq ? lastVoid.why : undefined;
    },
    asks: (messageId: string, body: Asked = {}, session = 7) =>
      h.add(
        'approval.requested',
        { messageId, stepIndex: 0, stepName: 'deploy', ...body },
        { jobId: JOB, attempt: 1, session, agentId: 'agent-7' },
      ),
    votes: (
      decision: 'approve' | 'reject',
      by: string,
      {
        teams = [],
        id = last()?.id,
        reason,
      }: { teams?: string[]; id?: string; reason?: string } = {},
    ) =>
      h.add(
        'approval.answered',
        {
          approvalId: id ?? 'none',
          by,
          teams,
          decision,
          ...(reason === undefined ? {} : { reason }),
        },
        { jobId: JOB },
      ),
    resolves: (outcome: Resolved, o: { id?: string; attempt?: number; at?: number } = {}) => {
      const of = approvals().find(({ id }) => id === o.id) ?? last();
      const attempt = o.attempt ?? of?.attempt ?? 0;
      return h.add(
        'approval.resolved',
        {
          jobId: JOB,
          ...(attempt === 0 ? {} : { attempt }),
          approvalId: of?.id ?? 'none',
          outcome,
        },
        { jobId: JOB, ...(o.at === undefined ? {} : { at: o.at }) },
      );
    },
    resumed: (session: number, of: number, keepsApprovals: boolean) =>
      h.add(
        'agent.resumed',
        { previousSession: of, keepsApprovals },
        { jobId: JOB, attempt: 1, session, agentId: 'agent-7' },
      ),
  };
}
