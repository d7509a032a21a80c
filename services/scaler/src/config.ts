/** What the scaler reads from its environment. */
import {
  commonSettings,
  durationSetting,
  natsVariables,
  secretSetting,
  textSetting,
  urlSetting,
} from '@waybill/process';
import { z } from 'zod';

export const Config = z.object({
  LOG_LEVEL: commonSettings.LOG_LEVEL,
  ...natsVariables,
  WAYBILL_HOME: commonSettings.WAYBILL_HOME,
  WAYBILL_ORG: commonSettings.WAYBILL_ORG,
  WAYBILL_URL: urlSetting(['http:', 'https:', 'ws:', 'wss:']).describe(
    'Address of Waybill, which its agents dial',
  ),
  WAYBILL_SCALER_TOKEN: secretSetting().describe('Token with which its agents sign in'),
  WAYBILL_SCALER_POOLS: textSetting()
    .describe('File of the pools, YAML or JSON; one pool of two agents if absent')
    .optional(),
  WAYBILL_SCALER_DRAIN: durationSetting()
    .describe('How long jobs of its agents may go on after the scaler was asked to stop')
    .default(600_000),
  PATH: textSetting().describe('Where steps find programs').default('/usr/local/bin:/usr/bin:/bin'),
  LANG: textSetting().describe('Language and encoding of steps').default('C.UTF-8'),
});
export type Config = Readonly<z.infer<typeof Config>>;
