/** `waybill events ls <runId>`: every event of a run, in the order of the log. */
import { connect } from '../connection.ts';
import { RunEvent } from '../http/answer.ts';
import { listAll } from '../http/list-all.ts';
import type { Command } from '../invocation.ts';
import { eventLine } from '../text/event-text.ts';

export const eventsLs: Command = async (invocation) => {
  const { terminal } = invocation;
  const { client, print } = await connect(invocation);
  const runId = encodeURIComponent(invocation.args[0] ?? '');
  const { answer, items } = await listAll(client, `/runs/${runId}/events`, RunEvent);
  print(answer, () => items.map((event) => `${eventLine(event, terminal)}\n`).join(''));
  return 0;
};
