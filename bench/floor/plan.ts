/** The floor as a pipeline: its programs, and what has to lie in Postgres in the end. */
import { z } from 'zod';
import type { Plan } from '../measure/pipeline.ts';

const Counts = z.object({ runs: z.coerce.number(), done: z.coerce.number() });

export const floorPlan: Plan = {
  name: 'floor',
  service: new URL('service.ts', import.meta.url),
  agents: new URL('agents.ts', import.meta.url),
  producer: new URL('producer.ts', import.meta.url),
  countDone: `select count(*) as done from run where status = 'succeeded'`,
  complaints: async (database, jobs) => {
    const { rows } = await database.query(
      `select count(*) as runs, count(*) filter (where status = 'succeeded') as done from run`,
    );
    const { runs, done } = Counts.parse(rows[0]);
    return runs === jobs && done === jobs
      ? []
      : [`${runs} rows, ${done} succeeded, ${jobs} asked for`];
  },
};
