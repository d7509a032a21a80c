/**
 * `waybill events tail`: events as they happen, until Ctrl-C. After an interruption it goes on where it was. For one run it
 * begins with the first event of it, so that nothing of a run under way is missed.
 */
import { systemClock } from '@waybill/process';
import { z } from 'zod';
import { exits } from '../cli-error.ts';
import { connect } from '../connection.ts';
import { answerAs, RunEvent } from '../http/answer.ts';
import { following } from '../http/following.ts';
import { interruptible } from '../interruption.ts';
import type { Command } from '../invocation.ts';
import { parseOptions } from '../invocation.ts';
import { eventLine } from '../text/event-text.ts';

const Options = z.object({ run: z.string().min(1).optional(), json: z.boolean().optional() });
const Tailed = RunEvent.extend({ runId: z.string() });

export const eventsTail: Command = async (invocation) => {
  const { terminal } = invocation;
  const { run, json } = parseOptions(Options, invocation);
  const { client } = await connect(invocation);
  return interruptible(terminal, async (signal) => {
    const events = following(client, client.inOrg('/tail'), {
      query: { runId: run },
      after: run === undefined ? undefined : '0',
      signal,
      clock: systemClock,
      onBreak: (reason) => terminal.err(`waybill: ${reason}, going on\n`),
    });
    for await (const { data } of events) {
      if (json === true) terminal.out(`${data}\n`);
      else {
        const event = answerAs(Tailed, JSON.parse(data));
        terminal.out(
          `${run === undefined ? `${event.runId} ` : ''}${eventLine(event, terminal)}\n`,
        );
      }
    }
    return exits.ok;
  });
};
