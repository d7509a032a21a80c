/** What the scheduler reads from its environment. */
import { commonSettings, natsVariables } from '@waybill/process';
import { z } from 'zod';

export const Config = z.object({ LOG_LEVEL: commonSettings.LOG_LEVEL, ...natsVariables });
export type Config = z.infer<typeof Config>;
