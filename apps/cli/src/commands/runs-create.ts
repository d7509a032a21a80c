/** `waybill runs create -f request.json`: a run asked for directly. A retry of the same call makes no second run. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { connect } from '../connection.ts';
import { answerAs } from '../http/answer.ts';
import { checkedJson, readInput } from '../input-file.ts';
import type { Command } from '../invocation.ts';
import { parseOptions } from '../invocation.ts';

const Options = z.object({ file: z.string().min(1) });
const Created = z.looseObject({ runId: z.string() });

export const runsCreate: Command = async (invocation) => {
  const { file } = parseOptions(Options, invocation);
  const content = checkedJson(await readInput(file, invocation.terminal), file);
  const { client, print } = await connect(invocation);
  const answer = await client.post(client.inOrg('/runs'), {
    body: { type: 'application/json', content },
    headers: { 'idempotency-key': randomUUID() },
  });
  print(answer, () => `${answerAs(Created, answer).runId}\n`);
  return 0;
};
