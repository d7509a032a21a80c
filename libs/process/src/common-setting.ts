/**
 * The variables that several services read, each described once. A service picks what it needs into
 * its own schema.
 */
import { z } from 'zod';
import {
  durationSetting,
  logLevelSetting,
  natsUrlSetting,
  portSetting,
  secretSetting,
  textSetting,
  urlSetting,
} from './setting.ts';

/** How a service reaches NATS: every service reads these. */
export const natsVariables = {
  NATS_URL: natsUrlSetting().describe('NATS servers, with commas between'),
  NATS_USER: textSetting().describe('User name at NATS').optional(),
  NATS_PASSWORD: secretSetting().describe('Password at NATS').optional(),
  NATS_TOKEN: secretSetting().describe('Token at NATS').optional(),
  NATS_CREDS: textSetting().describe('Path of a NATS credentials file').optional(),
  NATS_NKEY: secretSetting().describe('Seed of the nkey to sign in at NATS with').optional(),
  NATS_CA: textSetting().describe('Path of the certificate authority of NATS').optional(),
  NATS_CERT: textSetting().describe('Path of the client certificate for NATS').optional(),
  NATS_KEY: textSetting().describe('Path of the key of the client certificate for NATS').optional(),
} as const;

export const commonSettings = {
  LOG_LEVEL: logLevelSetting().describe('What is logged, at least').default('info'),
  ...natsVariables,
  DATABASE_URL: secretSetting(urlSetting(['postgres:', 'postgresql:'])).describe(
    'Address of the Postgres database, with user and password',
  ),
  S3_ENDPOINT: urlSetting().describe('Address of an S3 service that objects go to').optional(),
  S3_BUCKET: textSetting().describe('Bucket at the S3 service').optional(),
  S3_REGION: textSetting().describe('Region of the bucket').default('us-east-1'),
  S3_ACCESS_KEY_ID: secretSetting().describe('Id of the access key at the S3 service').optional(),
  S3_SECRET_ACCESS_KEY: secretSetting()
    .describe('Secret of the access key at the S3 service')
    .optional(),
  WAYBILL_PUBLIC_URL: urlSetting()
    .describe('Address at which agents and people reach the api, for what they upload and download')
    .optional(),
  WAYBILL_LOG_ARCHIVE_DELAY: durationSetting()
    .refine((ms) => ms <= 240_000, 'must be 4m or less')
    .describe('From the end of a run to the archive of its log')
    .default(60_000),
  WAYBILL_HOME: textSetting().describe('Folder that holds the state').default('.waybill'),
  WAYBILL_PORT: portSetting().describe('Port of the public HTTP server').default(7070),
  WAYBILL_HOST: textSetting()
    .describe('Address that the public HTTP server listens on')
    .default('127.0.0.1'),
  WAYBILL_DURABILITY: z
    .enum(['strict', 'fast'])
    .describe('strict: nothing acknowledged is lost in a power cut; fast: up to a second may be')
    .default('strict'),
  WAYBILL_URL: urlSetting().describe('Address at which Waybill is reached').optional(),
  WAYBILL_API_KEY: secretSetting().describe('API key of the caller').optional(),
  WAYBILL_ORG: textSetting().describe('Organisation that commands are about').default('main'),
  WAYBILL_AGENT_TOKEN: secretSetting().describe('Token with which an agent signs in').optional(),
} as const;

/** What `readConfig` takes as `known`: every name that some part of Waybill reads. Another `WAYBILL_` name is a typing mistake. */
export const commonVariables: readonly string[] = [
  ...Object.keys(commonSettings),
  'WAYBILL_WEBHOOK_SECRET',
  'WAYBILL_KEY_RING',
  'WAYBILL_GATEWAY_ID',
  'WAYBILL_PARTITIONS',
  'WAYBILL_SCALER_TOKEN',
  'WAYBILL_SCALER_POOLS',
  'WAYBILL_SCALER_DRAIN',
  'WAYBILL_GATEWAY_LISTEN',
  'WAYBILL_AGENT_ID',
  'WAYBILL_AGENT_LABELS',
  'WAYBILL_RUNNER_CONCURRENCY',
  'WAYBILL_RUNNER_DIR',
  'WAYBILL_RUNNER_DRAIN',
  'WAYBILL_RUNNER_IDLE_TIMEOUT',
  'WAYBILL_RUNNER_PENDING_DISPATCH_TIMEOUT',
  'WAYBILL_RUNNER_SEND_LOG',
  'WAYBILL_RUNNER_PARENT_PIPE',
];
