/** The api alone: `waybill api`. */
import { runAlone } from '@waybill/process';
import { Config } from './config.ts';
import { apiService } from './service.ts';

await runAlone('api', Config, apiService, process);
