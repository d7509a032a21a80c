/** What an org may set for itself, as generations at `config.<org>.org.settings`. What it does not set keeps its default. */
import { z } from 'zod';

export const orgSettingsLimits = {
  /** An agent answers within milliseconds; a network within a second. */
  dispatchAckTimeoutMinMs: 1_000,
  dispatchAckTimeoutMaxMs: 3_600_000,
  approvalTimeoutMinMs: 1_000,
  approvalTimeoutMaxMs: 90 * 86_400_000,
  teams: 256,
  members: 1_000,
} as const;

/** A person or a team, as approvals, settings and the header `Waybill-User` name them. */
export const PersonName = z
  .string()
  .regex(/^[\x21-\x7e]{1,128}$/, 'must be 1 to 128 visible characters of ASCII, without blanks');

export const OrgSettings = z
  .strictObject({
    dispatchAckTimeoutMs: z
      .int()
      .min(orgSettingsLimits.dispatchAckTimeoutMinMs, 'must be 1000 ms or more')
      .max(orgSettingsLimits.dispatchAckTimeoutMaxMs, 'must be 3600000 ms or less')
      .optional()
      .describe('How long an agent has to answer an offer; offers that are open keep theirs.'),
    approvalTimeoutMs: z
      .int()
      .min(orgSettingsLimits.approvalTimeoutMinMs, 'must be 1000 ms or more')
      .max(orgSettingsLimits.approvalTimeoutMaxMs, 'must be 90 days or less')
      .optional()
      .describe('How long people have to approve, where a request does not say; of new runs.'),
    teams: z
      .record(PersonName, z.array(PersonName).max(orgSettingsLimits.members))
      .refine(
        (teams) => Object.keys(teams).length <= orgSettingsLimits.teams,
        `an org has at most ${orgSettingsLimits.teams} teams`,
      )
      .optional()
      .describe('Who is of which team: approvals ask for members of teams.'),
  })
  .meta({ title: 'OrgSettings', description: 'What an org has set for itself.' });
export type OrgSettings = z.infer<typeof OrgSettings>;

/** The teams that a person is of. */
export const teamsOf = ({ teams = {} }: OrgSettings, user: string): readonly string[] =>
  Object.entries(teams).flatMap(([team, members]) => (members.includes(user) ? [team] : []));

export const OrgSettingsGeneration = z.looseObject({
  generation: z.int().positive(),
  settings: OrgSettings,
});
export type OrgSettingsGeneration = z.infer<typeof OrgSettingsGeneration>;
