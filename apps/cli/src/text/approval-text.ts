/** Who is asked for an approval, and what they have said, as a person reads it. */
import type { Job } from '../http/answer.ts';

type Approval = NonNullable<Job['approvals']>[number];

type Asked = Pick<Approval, 'clauses' | 'votes'>;

export function approversText({ clauses }: Pick<Asked, 'clauses'>): string {
  const named = clauses.map(({ user, team }) => user ?? `team ${team ?? '-'}`);
  return named.length === 0 ? 'anybody' : named.join(' and ');
}

export const votesText = ({ votes }: Pick<Asked, 'votes'>): string =>
  votes.length === 0
    ? '-'
    : votes
        .map(({ by, decision, reason }) => {
          const said = decision === 'approve' ? 'approved' : 'rejected';
          return `${said} by ${by}${reason === null || reason === undefined ? '' : ` (${reason})`}`;
        })
        .join(', ');
