/** The projector alone: `waybill projector`. */
import { runAlone } from '@waybill/process';
import { Config } from './config.ts';
import { projectorService } from './service.ts';

await runAlone('projector', Config, projectorService, process);
