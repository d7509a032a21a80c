/** The scheduler alone: `waybill scheduler`. */
import { runAlone } from '@waybill/process';
import { Config } from './config.ts';
import { schedulerService } from './service.ts';

await runAlone('scheduler', Config, schedulerService, process);
