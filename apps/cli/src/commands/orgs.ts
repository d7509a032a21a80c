/** `waybill orgs get|set`: what the organisation has set for itself. */
import { durationSetting } from '@waybill/process';
import { OrgSettings, PersonName } from '@waybill/protocol';
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
  settings: z.looseObject({
    dispatchAckTimeoutMs: z.number().nullable(),
    approvalTimeoutMs: z.number().nullable(),
    teams: z.record(z.string(), z.array(z.string())),
  }),
});

/** A duration that the setting takes, or `default`. */
const duration = (setting: z.ZodType<number, number>) => {
  const taken = durationSetting().pipe(setting);
  return z
    .string()
    .transform((text, context) => {
      if (text === 'default') return null;
      const parsed = taken.safeParse(text);
      if (parsed.success) return parsed.data;
      for (const { message } of parsed.error.issues) context.addIssue({ code: 'custom', message });
      return z.NEVER;
    })
    .optional();
};
const { dispatchAckTimeoutMs, approvalTimeoutMs } = OrgSettings.shape;

/** `name=member,member`; without a member the team is taken away. */
const Team = z.string().transform((text, context) => {
  const [name = '', list = '', ...more] = text.split('=');
  const members = list.split(',').filter((member) => member !== '');
  const named = [name, ...members].every((each) => PersonName.safeParse(each).success);
  if (named && more.length === 0 && text.includes('='))
    return [name, members.length === 0 ? null : members] as const;
  context.addIssue({ code: 'custom', message: 'must be a team with its members, as ops=ada,bob' });
  return z.NEVER;
});

const Options = z.object({
  dispatchAckTimeout: duration(dispatchAckTimeoutMs.unwrap()),
  approvalTimeout: duration(approvalTimeoutMs.unwrap()),
  team: z.array(Team).optional(),
});

export const orgsGet: Command = async (invocation) => {
  const connected = await connect(invocation);
  show(connected, await connected.client.get(connected.client.inOrg('/settings')));
  return 0;
};

export const orgsSet: Command = async (invocation) => {
  const { dispatchAckTimeout, approvalTimeout, team } = parseOptions(Options, invocation);
  const change = {
    ...(dispatchAckTimeout === undefined ? {} : { dispatchAckTimeoutMs: dispatchAckTimeout }),
    ...(approvalTimeout === undefined ? {} : { approvalTimeoutMs: approvalTimeout }),
    ...(team === undefined ? {} : { teams: Object.fromEntries(team) }),
  };
  if (Object.keys(change).length === 0)
    throw usageError('name what to set, as --dispatch-ack-timeout 5s');
  const connected = await connect(invocation);
  const { client } = connected;
  const body = { type: 'application/json', content: JSON.stringify(change) };
  show(connected, await client.patch(client.inOrg('/settings'), { body }));
  return 0;
};

function show({ print }: Connected, answer: unknown): void {
  print(answer, () => {
    const { org, settings } = answerAs(Settings, answer);
    const timeOf = (ms: number | null, usual: string): string =>
      ms === null ? `default (${usual})` : durationText(ms);
    const teams = Object.entries(settings.teams).map(
      ([name, members]) => `  team ${name}  ${members.join(', ')}`,
    );
    return [
      `org ${org}`,
      `  dispatch ack timeout  ${timeOf(settings.dispatchAckTimeoutMs, '10 s')}`,
      `  approval timeout      ${timeOf(settings.approvalTimeoutMs, '1 d')}`,
      ...teams,
      '',
    ].join('\n');
  });
}
