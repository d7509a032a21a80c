/** Where NATS is and how to sign in there: from the variables that every service reads. */
export type NatsSettings = Readonly<{
  /** One or more addresses with commas between; user and password may stand in an address. */
  url: string;
  user?: string | undefined;
  password?: string | undefined;
  token?: string | undefined;
  /** Path of a credentials file. */
  creds?: string | undefined;
  /** The seed itself. */
  nkey?: string | undefined;
  /** Paths of PEM files. */
  ca?: string | undefined;
  cert?: string | undefined;
  key?: string | undefined;
  inboxPrefix?: string | undefined;
}>;

/** The variables of `natsVariables` in `@waybill/process`, as a service has read them. */
export type NatsConfig = Readonly<{
  NATS_URL: string;
  NATS_USER?: string | undefined;
  NATS_PASSWORD?: string | undefined;
  NATS_TOKEN?: string | undefined;
  NATS_CREDS?: string | undefined;
  NATS_NKEY?: string | undefined;
  NATS_CA?: string | undefined;
  NATS_CERT?: string | undefined;
  NATS_KEY?: string | undefined;
}>;

export const natsSettings = (config: NatsConfig): NatsSettings => ({
  url: config.NATS_URL,
  user: config.NATS_USER,
  password: config.NATS_PASSWORD,
  token: config.NATS_TOKEN,
  creds: config.NATS_CREDS,
  nkey: config.NATS_NKEY,
  ca: config.NATS_CA,
  cert: config.NATS_CERT,
  key: config.NATS_KEY,
});
