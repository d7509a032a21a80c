/** What every service is to whoever starts it: a part with readiness checks, given clock and log by its host. */
import type { Clock } from './clock.ts';
import type { Part } from './lifecycle.ts';
import type { Logger } from './logger.ts';
import type { Check } from './readiness.ts';

export type Host = Readonly<{ clock: Clock; log: Logger }>;
export type Service = Part & Readonly<{ checks: readonly Check[] }>;
