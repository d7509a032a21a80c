/** Where the bytes of objects lie: in NATS beside the log, or in S3 or a compatible once `S3_ENDPOINT` names one. */
import { ConfigError, commonSettings } from '@waybill/process';
import { z } from 'zod';
import type { ObjectLimits } from './limits.ts';

export type S3Settings = Readonly<{
  endpoint: string;
  bucket: string;
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
}>;

export type ObjectSettings = Readonly<{
  s3?: S3Settings | undefined;
  limits?: Partial<ObjectLimits> | undefined;
}>;

/** Spread into the Config of every service that opens objects. */
export const objectVariables = {
  S3_ENDPOINT: commonSettings.S3_ENDPOINT,
  S3_BUCKET: commonSettings.S3_BUCKET,
  S3_REGION: commonSettings.S3_REGION,
  S3_ACCESS_KEY_ID: commonSettings.S3_ACCESS_KEY_ID,
  S3_SECRET_ACCESS_KEY: commonSettings.S3_SECRET_ACCESS_KEY,
} as const;

const ObjectConfig = z.object(objectVariables);
export type ObjectConfig = z.infer<typeof ObjectConfig>;

/** Throws `ConfigError` for an S3 service that cannot be used with what is given. */
export function objectSettings(config: ObjectConfig): ObjectSettings {
  const { S3_ENDPOINT: endpoint, S3_BUCKET: bucket, S3_REGION: region } = config;
  if (endpoint === undefined) return {};
  const { S3_ACCESS_KEY_ID: accessKeyId, S3_SECRET_ACCESS_KEY: secretAccessKey } = config;
  if (bucket === undefined || accessKeyId === undefined || secretAccessKey === undefined) {
    const missing = (['S3_BUCKET', 'S3_ACCESS_KEY_ID', 'S3_SECRET_ACCESS_KEY'] as const).filter(
      (variable) => config[variable] === undefined,
    );
    throw new ConfigError(
      missing.map((variable) => ({ variable, problem: 'is required with S3_ENDPOINT' })),
    );
  }
  return { s3: { endpoint, bucket, region, accessKeyId, secretAccessKey } };
}
