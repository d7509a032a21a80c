/** What an org may set for itself, as generations at `config.<org>.org.settings`. What it does not set keeps its default. */
import { z } from 'zod';

export const orgSettingsLimits = {
  /** An agent answers within milliseconds; a network within a second. */
  dispatchAckTimeoutMinMs: 1_000,
  dispatchAckTimeoutMaxMs: 3_600_000,
} as const;

export const OrgSettings = z
  .strictObject({
    dispatchAckTimeoutMs: z
      .int()
      .min(orgSettingsLimits.dispatchAckTimeoutMinMs, 'must be 1000 ms or more')
      .max(orgSettingsLimits.dispatchAckTimeoutMaxMs, 'must be 3600000 ms or less')
      .optional()
      .describe('How long an agent has to answer an offer; offers that are open keep theirs.'),
  })
  .meta({ title: 'OrgSettings', description: 'What an org has set for itself.' });
export type OrgSettings = z.infer<typeof OrgSettings>;

export const OrgSettingsGeneration = z.looseObject({
  generation: z.int().positive(),
  settings: OrgSettings,
});
export type OrgSettingsGeneration = z.infer<typeof OrgSettingsGeneration>;
