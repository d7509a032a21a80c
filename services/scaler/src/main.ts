/** The scaler alone: `waybill scaler`. */
import { fileURLToPath } from 'node:url';
import { runAlone } from '@waybill/process';
import { Config } from './config.ts';
import { scalerService } from './service.ts';

const runner = fileURLToPath(new URL('main.ts', import.meta.resolve('@waybill/runner')));
await runAlone(
  'scaler',
  Config,
  (config, host) => scalerService(config, host, { runner }),
  process,
);
