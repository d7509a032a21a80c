/** What the agent gateway reads from its environment. */
import { objectVariables } from '@waybill/objects';
import {
  boolSetting,
  commonSettings,
  natsVariables,
  secretSetting,
  textSetting,
} from '@waybill/process';
import { z } from 'zod';

export const Config = z.object({
  LOG_LEVEL: commonSettings.LOG_LEVEL,
  ...natsVariables,
  WAYBILL_HOST: commonSettings.WAYBILL_HOST,
  WAYBILL_PORT: commonSettings.WAYBILL_PORT,
  WAYBILL_ORG: commonSettings.WAYBILL_ORG,
  WAYBILL_PUBLIC_URL: commonSettings.WAYBILL_PUBLIC_URL,
  ...objectVariables,
  WAYBILL_AGENT_TOKEN: secretSetting().describe('Token with which agents sign in'),
  WAYBILL_SCALER_TOKEN: secretSetting()
    .describe('Token with which agents sign in that a scaler starts and stops')
    .optional(),
  WAYBILL_KEY_RING: secretSetting().describe('Key ring that opens sealed secrets, as JSON'),
  WAYBILL_GATEWAY_ID: textSetting()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, "_" or "-"')
    .describe('Name of this gateway; every gateway that runs at the same time needs its own')
    .default('gateway'),
  WAYBILL_GATEWAY_LISTEN: boolSetting()
    .describe('Whether it opens a port of its own; false where another part hands sockets over')
    .default(true),
});
export type Config = z.infer<typeof Config>;
