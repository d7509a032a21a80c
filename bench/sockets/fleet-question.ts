/** What a process of agents is asked, and what it answers. */
import { z } from 'zod';

export const Begin = z.object({
  agentsUrl: z.string(),
  agentToken: z.string(),
  /** Agents of one process, named from `first`. */
  name: z.string(),
  count: z.int(),
  labels: z.array(z.string()),
  maxConcurrency: z.int(),
  /** Ends each job at once; else when it is told to. */
  endsAtOnce: z.boolean(),
});
export type Begin = z.infer<typeof Begin>;

/** `lastRegisteredMs`: on the clock of `monotonic.ts`. */
export const State = z.object({
  registered: z.int(),
  registrations: z.int(),
  lastRegisteredMs: z.number(),
  running: z.int(),
  dials: z.int(),
  refused: z.int(),
  closed: z.record(z.string(), z.int()),
});
export type State = z.infer<typeof State>;
