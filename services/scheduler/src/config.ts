/** What the scheduler reads from its environment. */
import { objectVariables } from '@waybill/objects';
import { commonSettings, natsVariables, wholeNumberSetting } from '@waybill/process';
import { partitionsMax } from '@waybill/protocol';
import { z } from 'zod';

export const Config = z.object({
  LOG_LEVEL: commonSettings.LOG_LEVEL,
  ...natsVariables,
  ...objectVariables,
  WAYBILL_PARTITIONS: wholeNumberSetting({ min: 1, max: partitionsMax })
    .describe('Into how many the log is divided; the same for every dispatcher and scheduler')
    .default(1),
});
export type Config = z.infer<typeof Config>;
