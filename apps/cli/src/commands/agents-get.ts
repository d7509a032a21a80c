/** `waybill agents get <agent>`: one agent, with its host and what it last said of itself. */
import { systemClock } from '@waybill/process';
import { connect } from '../connection.ts';
import { Agent, answerAs } from '../http/answer.ts';
import type { Command } from '../invocation.ts';
import { agentText } from '../text/agent-text.ts';

export const agentsGet: Command = async (invocation) => {
  const { terminal, args } = invocation;
  const { client, print } = await connect(invocation);
  const agentId = encodeURIComponent(args[0] ?? '');
  const answer = await client.get(client.inOrg(`/agents/${agentId}`));
  print(answer, () =>
    agentText(answerAs(Agent, answer), { nowMs: systemClock.now(), live: terminal.live }),
  );
  return 0;
};
