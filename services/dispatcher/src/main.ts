/** The dispatcher alone: `waybill dispatcher`. */
import { runAlone } from '@waybill/process';
import { Config } from './config.ts';
import { dispatcherService } from './service.ts';

await runAlone('dispatcher', Config, dispatcherService, process);
