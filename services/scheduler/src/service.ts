/**
 * The scheduler: it knows time. Every deadline is a fold of the log; what is due, it sweeps. Correct when several run at once:
 * they make the same decisions, the log keeps one of each, and the fold voids whatever was decided too late or too early.
 */
import { deciderService } from '@waybill/fold';
import type { Host, Service } from '@waybill/process';
import type { Config } from './config.ts';
import { openScheduler } from './shell/scheduler.ts';

export const schedulerService = (config: Config, host: Host): Service =>
  deciderService('scheduler', config, host, openScheduler);
