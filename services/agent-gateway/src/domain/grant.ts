/** The word without which an agent of our SDK starts nothing: its ack was in time, and the job is its own. */
import { type wire, wireJobId } from '@waybill/protocol';
import type { Custody } from './custody.ts';

export const granted = ({ runId, jobId, attempt, fence, leaseMs }: Custody): wire.JobGranted => ({
  type: 'job.granted',
  runId,
  jobId: wireJobId(jobId, attempt),
  attempt,
  fence,
  ...(leaseMs === undefined ? {} : { leaseMs }),
});
