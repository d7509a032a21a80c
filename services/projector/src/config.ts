/** What the projector reads from its environment. */
import { objectVariables } from '@waybill/objects';
import { commonSettings, natsVariables, secretSetting } from '@waybill/process';
import { z } from 'zod';

export const Config = z.object({
  LOG_LEVEL: commonSettings.LOG_LEVEL,
  ...natsVariables,
  DATABASE_URL: commonSettings.DATABASE_URL,
  WAYBILL_KEY_RING: secretSetting()
    .describe(
      'Key ring as JSON: with it, messages that could not be read are reported with their sealed body, and logs of finished runs are archived',
    )
    .optional(),
  ...objectVariables,
  WAYBILL_LOG_ARCHIVE_DELAY: commonSettings.WAYBILL_LOG_ARCHIVE_DELAY,
});
export type Config = z.infer<typeof Config>;
