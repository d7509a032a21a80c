/** What the api reads from its environment. */
import { objectVariables } from '@waybill/objects';
import { commonSettings, natsVariables, secretSetting } from '@waybill/process';
import { Org } from '@waybill/protocol';
import { z } from 'zod';

export const Config = z.object({
  LOG_LEVEL: commonSettings.LOG_LEVEL,
  ...natsVariables,
  DATABASE_URL: commonSettings.DATABASE_URL,
  WAYBILL_HOST: commonSettings.WAYBILL_HOST,
  WAYBILL_PORT: commonSettings.WAYBILL_PORT,
  WAYBILL_PUBLIC_URL: commonSettings.WAYBILL_PUBLIC_URL,
  ...objectVariables,
  WAYBILL_ORG: Org.describe('Organisation that the API key belongs to').default('main'),
  WAYBILL_API_KEY: secretSetting().describe('API key that callers send as a bearer token'),
  WAYBILL_WEBHOOK_SECRET: secretSetting().describe(
    'Secret that deliveries are signed with; several with commas between while they are rotated',
  ),
  WAYBILL_KEY_RING: secretSetting().describe('Key ring that secrets are sealed to, as JSON'),
});
export type Config = z.infer<typeof Config>;
