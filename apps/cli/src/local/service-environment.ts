/** The environment of every service beside `waybill up`: the servers as they are reached, and who this Waybill is. */
import type { Servers } from '@waybill/embedded';
import type { Identity } from './identity.ts';
import type { UpConfig } from './up-config.ts';

export type ServiceEnvironment = Readonly<Record<string, string>>;

type Made = Readonly<{ config: UpConfig; servers: Servers; identity: Identity; port: number }>;

export function serviceEnvironment({ config, servers, identity, port }: Made): ServiceEnvironment {
  const { nats, postgres } = servers;
  const { credentials } = identity;
  const variables: Readonly<Record<string, string | undefined>> = {
    LOG_LEVEL: config.LOG_LEVEL,
    NATS_URL: nats.url,
    NATS_USER: nats.user ?? config.NATS_USER,
    NATS_PASSWORD: nats.password ?? config.NATS_PASSWORD,
    // Of a server that was given: one of our own knows only its password.
    ...(nats.embedded
      ? {}
      : {
          NATS_TOKEN: config.NATS_TOKEN,
          NATS_CREDS: config.NATS_CREDS,
          NATS_NKEY: config.NATS_NKEY,
          NATS_CA: config.NATS_CA,
          NATS_CERT: config.NATS_CERT,
          NATS_KEY: config.NATS_KEY,
        }),
    DATABASE_URL: postgres.url,
    WAYBILL_HOST: config.WAYBILL_HOST,
    WAYBILL_PORT: String(port),
    WAYBILL_ORG: credentials.org,
    WAYBILL_API_KEY: credentials.apiKey,
    WAYBILL_AGENT_TOKEN: credentials.agentToken,
    WAYBILL_SCALER_TOKEN: credentials.scalerToken,
    WAYBILL_WEBHOOK_SECRET: credentials.webhookSecret,
    WAYBILL_KEY_RING: identity.keyRing,
    WAYBILL_GATEWAY_LISTEN: 'false',
    WAYBILL_PUBLIC_URL: config.WAYBILL_PUBLIC_URL ?? credentials.url,
    WAYBILL_LOG_ARCHIVE_DELAY: `${config.WAYBILL_LOG_ARCHIVE_DELAY}ms`,
    S3_ENDPOINT: config.S3_ENDPOINT,
    S3_BUCKET: config.S3_BUCKET,
    S3_REGION: config.S3_REGION,
    S3_ACCESS_KEY_ID: config.S3_ACCESS_KEY_ID,
    S3_SECRET_ACCESS_KEY: config.S3_SECRET_ACCESS_KEY,
  };
  return given(variables);
}

/** Of a scaler beside `waybill up`, whose agents end with it: all of Waybill has ten seconds. */
export const scalerEnvironment = ({
  url,
  home,
  env,
}: Readonly<{
  url: string;
  home: string;
  env: Readonly<Record<string, string | undefined>>;
}>): ServiceEnvironment =>
  given({
    WAYBILL_URL: url,
    WAYBILL_HOME: home,
    WAYBILL_SCALER_POOLS: env['WAYBILL_SCALER_POOLS'],
    WAYBILL_SCALER_DRAIN: '3s',
    PATH: env['PATH'],
    LANG: env['LANG'],
  });

const given = (variables: Readonly<Record<string, string | undefined>>): ServiceEnvironment =>
  Object.fromEntries(
    Object.entries(variables).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value] as const],
    ),
  );
