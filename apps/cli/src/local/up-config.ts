/** What `waybill up` reads from its environment: servers may be given, secrets too; what is not given is made and kept. */
import {
  commonSettings,
  natsUrlSetting,
  natsVariables,
  secretSetting,
  textSetting,
  urlSetting,
} from '@waybill/process';
import { z } from 'zod';

export const UpConfig = z.object({
  LOG_LEVEL: commonSettings.LOG_LEVEL,
  WAYBILL_HOME: textSetting().describe('Folder that holds the state').default('.waybill'),
  WAYBILL_HOST: commonSettings.WAYBILL_HOST,
  WAYBILL_PORT: commonSettings.WAYBILL_PORT.unwrap()
    .describe('Port of everything; unless given 7070, or the next free one')
    .optional(),
  WAYBILL_DURABILITY: commonSettings.WAYBILL_DURABILITY,
  WAYBILL_PUBLIC_URL: commonSettings.WAYBILL_PUBLIC_URL.unwrap()
    .describe('Address at which agents reach all this; its own unless given')
    .optional(),
  WAYBILL_LOG_ARCHIVE_DELAY: commonSettings.WAYBILL_LOG_ARCHIVE_DELAY,
  S3_ENDPOINT: commonSettings.S3_ENDPOINT,
  S3_BUCKET: commonSettings.S3_BUCKET,
  S3_REGION: commonSettings.S3_REGION,
  S3_ACCESS_KEY_ID: commonSettings.S3_ACCESS_KEY_ID,
  S3_SECRET_ACCESS_KEY: commonSettings.S3_SECRET_ACCESS_KEY,
  WAYBILL_ORG: commonSettings.WAYBILL_ORG,
  WAYBILL_API_KEY: secretSetting()
    .describe('API key of callers; made at the first start unless given')
    .optional(),
  WAYBILL_AGENT_TOKEN: secretSetting()
    .describe('Token of agents; made at the first start unless given')
    .optional(),
  WAYBILL_SCALER_TOKEN: secretSetting()
    .describe('Token of agents that a scaler makes; made at the first start unless given')
    .optional(),
  WAYBILL_WEBHOOK_SECRET: secretSetting()
    .describe('Secret that deliveries are signed with; made at the first start unless given')
    .optional(),
  WAYBILL_KEY_RING: secretSetting()
    .describe('Key ring as JSON; made at the first start unless given')
    .optional(),
  ...natsVariables,
  NATS_URL: natsUrlSetting()
    .describe('NATS servers; an own one is started unless given')
    .optional(),
  DATABASE_URL: secretSetting(urlSetting(['postgres:', 'postgresql:']))
    .describe('Postgres database; an own one is started unless given')
    .optional(),
  NATS_SERVER_BIN: textSetting()
    .describe('The nats-server to start; found on PATH or obtained unless given')
    .optional(),
});
export type UpConfig = Readonly<z.infer<typeof UpConfig>>;
