/** `waybill approvals decide <id> approve|reject`: says yes or no for a person. */
import { z } from 'zod';
import { CliError, exits, usageError } from '../cli-error.ts';
import { connect } from '../connection.ts';
import { Approval, answerAs } from '../http/answer.ts';
import { ProblemError } from '../http/problem.ts';
import type { Command } from '../invocation.ts';
import { parseOptions } from '../invocation.ts';
import { printable } from '../terminal.ts';
import { approversText, votesText } from '../text/approval-text.ts';

const Options = z.object({ reason: z.string().optional(), user: z.string().optional() });

export const approvalsDecide: Command = async (invocation) => {
  const [id = '', decision = ''] = invocation.args;
  if (decision !== 'approve' && decision !== 'reject')
    throw usageError(`decide "approve" or "reject", not "${printable(decision)}"`);
  const { reason, user } = parseOptions(Options, invocation);
  const { client, print } = await connect(invocation);
  const path = client.inOrg(`/approvals/${encodeURIComponent(id)}/decision`);
  const body = { type: 'application/json', content: JSON.stringify({ decision, reason }) };
  const headers = user === undefined ? {} : { 'waybill-user': user };
  const answer = await client.post(path, { body, headers }).catch((error: unknown) => {
    if (!(error instanceof ProblemError) || error.status !== 404) throw error;
    throw new CliError(
      exits.failure,
      `no approval ${printable(id)} is known here; \`waybill approvals ls\` lists what is open`,
      { cause: error },
    );
  });
  print(answer, () => {
    const approval = answerAs(Approval, answer);
    const rest = approval.state === 'open' ? `; it takes ${approversText(approval)}` : '';
    return `approval ${approval.id}: ${printable(votesText(approval))}${printable(rest)}\n`;
  });
  return 0;
};
