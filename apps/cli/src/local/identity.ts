/**
 * Who this Waybill is: keys and secrets, from the environment or made once and kept in its home. `credentials.json` always
 * says what works now.
 */
import {
  createKeyRing,
  newToken,
  parseKeyRing,
  registerSecretValue,
  serialiseKeyRing,
} from '@waybill/process';
import { CliError, exits } from '../cli-error.ts';
import {
  type Credentials,
  readCredentials,
  readKeys,
  writeCredentials,
  writeKeys,
} from '../credentials.ts';
import type { UpConfig } from './up-config.ts';

export type Identity = Readonly<{ credentials: Credentials; keyRing: string; isNew: boolean }>;

type Asking = Readonly<{ home: string; url: string; config: UpConfig }>;

export async function settleIdentity({ home, url, config }: Asking): Promise<Identity> {
  const kept = await readCredentials(home);
  const credentials = {
    ...kept,
    url,
    org: config.WAYBILL_ORG,
    apiKey: config.WAYBILL_API_KEY ?? kept?.apiKey ?? newToken('wbk_'),
    agentToken: config.WAYBILL_AGENT_TOKEN ?? kept?.agentToken ?? newToken('wba_'),
    scalerToken: config.WAYBILL_SCALER_TOKEN ?? kept?.scalerToken ?? newToken('wba_'),
    webhookSecret: config.WAYBILL_WEBHOOK_SECRET ?? kept?.webhookSecret ?? newToken('wbs_'),
  };
  const { apiKey, agentToken, scalerToken, webhookSecret } = credentials;
  for (const secret of [apiKey, agentToken, scalerToken, webhookSecret])
    registerSecretValue(secret, { keep: true });
  await writeCredentials(home, credentials);
  return {
    credentials,
    keyRing: await settleKeyRing(home, config.WAYBILL_KEY_RING),
    isNew: kept === undefined,
  };
}

/** A ring that was lost could never open again what it has sealed: one that is damaged stops the start. */
async function settleKeyRing(home: string, given: string | undefined): Promise<string> {
  const kept = given ?? (await readKeys(home));
  const ring = kept ?? (await serialiseKeyRing(await createKeyRing()));
  try {
    await parseKeyRing(ring);
  } catch (error) {
    const where = given === undefined ? `keys.json in ${home}` : 'WAYBILL_KEY_RING';
    throw new CliError(
      exits.config,
      `${where} is no key ring. Restore it from a backup: without it nothing that was sealed can be opened again.`,
      { cause: error },
    );
  }
  registerSecretValue(ring, { keep: true });
  if (kept === undefined) await writeKeys(home, ring);
  return ring;
}
