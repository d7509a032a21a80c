/** Two frames that existing agents send outside the published unions: milestones and context. */
import type { z } from 'zod';
import { observed, secret } from './annotation.ts';
import { freeRecord, instant, jobId, name, quantity, runId } from './field.ts';
import type { Immutable } from './immutable.ts';
import { message } from './message.ts';

export const RunEvent = observed(
  message('run.event', 'A milestone of a run, as the agent saw it.', {
    runId,
    jobId: jobId.optional(),
    eventType: name().describe('Which milestone, such as `agent.execution.start`.'),
    timestampMs: instant().optional().describe('When, in Unix milliseconds.'),
    sourceService: name().optional().describe('Which part of the agent says so.'),
    metadata: freeRecord().optional().describe('More about it.'),
    durationMs: quantity().nullable().optional().describe('How long it took.'),
  }),
);
export type RunEvent = Immutable<z.infer<typeof RunEvent>>;

export const JobContext = observed(
  message('job.context', 'What the job runs in.', {
    runId,
    jobId,
    // Existing agents list their whole environment here, their own token in clear included.
    context: secret(freeRecord()).describe('The environment of the job.'),
  }),
);
export type JobContext = Immutable<z.infer<typeof JobContext>>;
