/** What the projector reads from its environment. */
import { commonSettings, natsVariables, secretSetting } from '@waybill/process';
import { z } from 'zod';

export const Config = z.object({
  LOG_LEVEL: commonSettings.LOG_LEVEL,
  ...natsVariables,
  DATABASE_URL: commonSettings.DATABASE_URL,
  WAYBILL_KEY_RING: secretSetting()
    .describe(
      'Key ring as JSON: with it, messages that could not be read are reported with their sealed body',
    )
    .optional(),
});
export type Config = z.infer<typeof Config>;
