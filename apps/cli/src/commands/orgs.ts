/** `waybill orgs get|set`: what the organisation has set for itself. */
import { durationSetting } from '@waybill/process';
import { OrgSettings } from '@waybill/protocol';
import { z } from 'zod';
import { usageError } from '../cli-error.ts';
import { type Connected, connect } from '../connection.ts';
import { answerAs } from '../http/answer.ts';
import type { Command } from '../invocation.ts';
import { parseOptions } from '../invocation.ts';
import { durationText } from '../text/time-text.ts';

const Settings = z.looseObject({
  org: z.string(),
  generation: z.number(),
  settings: z.looseObject({ dispatchAckTimeoutMs: z.number().nullable() }),
});
const ackTimeout = durationSetting().pipe(OrgSettings.shape.dispatchAckTimeoutMs.unwrap());
const Options = z.object({
  dispatchAckTimeout: z
    .string()
    .transform((text, context) => {
      if (text === 'default') return null;
      const parsed = ackTimeout.safeParse(text);
      if (parsed.success) return parsed.data;
      for (const { message } of parsed.error.issues) context.addIssue({ code: 'custom', message });
      return z.NEVER;
    })
    .optional(),
});

export const orgsGet: Command = async (invocation) => {
  const connected = await connect(invocation);
  show(connected, await connected.client.get(connected.client.inOrg('/settings')));
  return 0;
};

export const orgsSet: Command = async (invocation) => {
  const { dispatchAckTimeout } = parseOptions(Options, invocation);
  if (dispatchAckTimeout === undefined)
    throw usageError('name what to set, as --dispatch-ack-timeout 5s');
  const connected = await connect(invocation);
  const { client } = connected;
  const content = JSON.stringify({ dispatchAckTimeoutMs: dispatchAckTimeout });
  const body = { type: 'application/json', content };
  show(connected, await client.patch(client.inOrg('/settings'), { body }));
  return 0;
};

function show({ print }: Connected, answer: unknown): void {
  print(answer, () => {
    const { org, settings } = answerAs(Settings, answer);
    const ms = settings.dispatchAckTimeoutMs;
    const ack = ms === null ? 'default (10 s)' : durationText(ms);
    return `org ${org}\n  dispatch ack timeout  ${ack}\n`;
  });
}
