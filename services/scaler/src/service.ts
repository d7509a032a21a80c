/**
 * The scaler: starts agents for jobs that nobody could take, and lets them go when there is nothing to do. It decides nothing about
 * runs. Two of them are harmless: one holds the lease of a pool, and the log takes the word of only one.
 */
import path from 'node:path';
import { type Decider, deciderService } from '@waybill/fold';
import { type Host, registerSecretValue, type Service } from '@waybill/process';
import type { Config } from './config.ts';
import { slotScaler } from './domain/scaler.ts';
import { readPools } from './pool-file.ts';
import { openAgentFolder } from './shell/agent-folder.ts';
import { openLocalRunners } from './shell/local-runners.ts';
import { openScaler } from './shell/scaler.ts';

/** `runner`: the file that a process of the reference runner begins with. */
export function scalerService(
  config: Config,
  host: Host,
  { runner }: Readonly<{ runner: string }>,
): Service {
  registerSecretValue(config.WAYBILL_SCALER_TOKEN, { keep: true });
  /** The log has one shape for all, and a scaler reads that of its org alone. */
  const decider = { ...config, WAYBILL_PARTITIONS: 1 };
  return deciderService(
    'scaler',
    decider,
    host,
    async ({ partitions: _all, ...o }): Promise<Decider> => {
      const pools = await readPools(config.WAYBILL_SCALER_POOLS);
      const root = path.resolve(config.WAYBILL_HOME, 'scaler');
      const folder = openAgentFolder({ root, ...host });
      return openScaler({
        ...o,
        org: config.WAYBILL_ORG,
        pools: pools.map((pool) => ({ pool, scaler: slotScaler(pool) })),
        openMaker: (onEnd) =>
          openLocalRunners({
            ...host,
            main: runner,
            url: config.WAYBILL_URL,
            token: config.WAYBILL_SCALER_TOKEN,
            path: config.PATH,
            lang: config.LANG,
            logLevel: config.LOG_LEVEL,
            drainMs: config.WAYBILL_SCALER_DRAIN,
            folder,
            onEnd,
          }),
      });
    },
  );
}
