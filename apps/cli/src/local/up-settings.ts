/** Options of `up` and `start` over the environment, as one configuration with an absolute home. */
import { commonVariables, readConfig } from '@waybill/process';
import { z } from 'zod';
import { homeFolder } from '../credentials.ts';
import { type Invocation, parseOptions } from '../invocation.ts';
import { UpConfig } from './up-config.ts';

const Flags = z.object({
  home: z.string().min(1).optional(),
  port: z.string().optional(),
  durability: z.string().optional(),
});

export type UpSettings = Readonly<{ config: UpConfig; home: string }>;

export function readUpSettings(invocation: Invocation): UpSettings {
  const { home, port, durability } = parseOptions(Flags, invocation);
  const { env, cwd } = invocation.terminal;
  const given = { WAYBILL_HOME: home, WAYBILL_PORT: port, WAYBILL_DURABILITY: durability };
  const flags = Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  );
  const config = readConfig(UpConfig, { ...env, ...flags }, { known: commonVariables });
  return { config, home: homeFolder(config.WAYBILL_HOME, cwd) };
}
