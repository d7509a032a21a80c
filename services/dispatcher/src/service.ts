/**
 * The dispatcher: triggers into runs, queued jobs into offers. It decides, and appends with an expectation; a second one
 * beside it changes nothing but the number of conflicts. Its state is a fold of the log and nothing else.
 */
import { deciderService } from '@waybill/fold';
import type { Host, Service } from '@waybill/process';
import type { Config } from './config.ts';
import { openDispatcher } from './shell/dispatcher.ts';

export const dispatcherService = (config: Config, host: Host): Service =>
  deciderService('dispatcher', config, host, openDispatcher);
