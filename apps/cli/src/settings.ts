/** Where Waybill is and who asks: options first, then the environment, then `credentials.json` in the home. */
import {
  commonSettings,
  readConfig,
  secretSetting,
  textSetting,
  urlSetting,
} from '@waybill/process';
import { z } from 'zod';
import { CliError, exits } from './cli-error.ts';
import { homeFolder, readCredentials } from './credentials.ts';
import type { Invocation } from './invocation.ts';
import { parseOptions } from './invocation.ts';

export type Settings = Readonly<{
  home: string;
  url: string;
  org: string;
  apiKey: string | undefined;
  agentToken: string | undefined;
}>;

const Given = z.object({
  WAYBILL_HOME: textSetting().optional(),
  WAYBILL_URL: commonSettings.WAYBILL_URL,
  WAYBILL_ORG: textSetting().optional(),
  WAYBILL_API_KEY: commonSettings.WAYBILL_API_KEY,
  WAYBILL_AGENT_TOKEN: secretSetting().optional(),
});

const Flags = z.object({
  home: z.string().min(1).optional(),
  url: urlSetting().optional(),
  org: z
    .string()
    .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'must be lower case letters, digits, "_" or "-"')
    .optional(),
  apiKey: z.string().min(1).optional(),
});

export async function readSettings(invocation: Invocation): Promise<Settings> {
  const flags = parseOptions(Flags, invocation);
  const { env, cwd } = invocation.terminal;
  const given = readConfig(Given, env);
  const home = homeFolder(flags.home ?? given.WAYBILL_HOME, cwd);
  const known = await readCredentials(home);
  const url = flags.url ?? given.WAYBILL_URL ?? known?.url;
  if (url === undefined) {
    throw new CliError(
      exits.config,
      `where is Waybill? There is no credentials.json in ${home}. Start it with \`waybill up\`, or name it with --url or WAYBILL_URL.`,
    );
  }
  return {
    home,
    url: url.replace(/\/+$/, ''),
    org: flags.org ?? given.WAYBILL_ORG ?? known?.org ?? 'main',
    apiKey: flags.apiKey ?? given.WAYBILL_API_KEY ?? known?.apiKey,
    agentToken: given.WAYBILL_AGENT_TOKEN ?? known?.agentToken,
  };
}
