/** The whole service as a pipeline: its programs, and what has to lie in Postgres in the end. */
import { z } from 'zod';
import type { Plan } from '../measure/pipeline.ts';

const Counts = z.object({
  runs: z.coerce.number(),
  succeeded: z.coerce.number(),
  anomalies: z.coerce.number(),
  records: z.coerce.number(),
  attempts: z.coerce.number(),
});

const counts = `select
  (select count(*) from waybill.runs) as runs,
  (select count(*) from waybill.runs where state = 'success') as succeeded,
  (select coalesce(sum(anomalies), 0) from waybill.runs) as anomalies,
  (select count(*) from waybill.run_records) as records,
  (select count(*) from waybill.attempts) as attempts`;

export const e2ePlan: Plan = {
  name: 'e2e',
  service: new URL('services.ts', import.meta.url),
  agents: new URL('agents.ts', import.meta.url),
  producer: new URL('producer.ts', import.meta.url),
  countDone: 'select count(*) as done from waybill.runs where completed_at is not null',
  complaints: async (database, jobs) => {
    const { anomalies, ...found } = Counts.parse((await database.query(counts)).rows[0]);
    const wrong = Object.entries(found).filter(([, count]) => count !== jobs);
    return [
      ...wrong.map(([what, count]) => `${count} ${what}, ${jobs} asked for`),
      ...(anomalies === 0 ? [] : [`${anomalies} anomalies`]),
    ];
  },
};
