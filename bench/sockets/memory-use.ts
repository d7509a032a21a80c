/** What a process holds once all that it can give back is given back: garbage, and the room that it was made in. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { z } from 'zod';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as (
  // What the flag just exposed.
  how: Readonly<{ type: 'major'; execution: 'sync'; flavor: 'last-resort' }>,
) => void;

export const MemoryUse = z.object({ rssBytes: z.number(), heldBytes: z.number() });
export type MemoryUse = z.infer<typeof MemoryUse>;

export function memoryUse(): MemoryUse {
  // Twice: what the first round frees may hold more.
  for (let round = 0; round < 2; round++)
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heldBytes: heapUsed + external, rssBytes: rss };
}
