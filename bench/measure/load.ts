/** What a producer is asked to send, and what it answers; what agents have seen of it. */
import { z } from 'zod';

/** Without a rate: as fast as answers come, with a bounded number on their way. */
export const Load = z.object({ jobs: z.int().positive(), rate: z.number().positive().optional() });
export type Load = z.infer<typeof Load>;

/** On the clock of `monotonic.ts`. */
export const Produced = z.object({ firstSentMs: z.number(), lastAnsweredMs: z.number() });
export type Produced = z.infer<typeof Produced>;

/** Since they were last asked: from the producer's send to the frame in the agent; frames that came twice. */
export const Seen = z.object({ latenciesMs: z.array(z.number()), repeated: z.int() });
export type Seen = z.infer<typeof Seen>;

export const agentCount = 50;

/** What makes an event about as long as a real one. */
export const padding =
  'lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore '.repeat(
    3,
  );
