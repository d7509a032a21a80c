/**
 * The bodies of the events about approvals: what an agent asks for, what a person says, how it ended. Kept for ever: add an
 * optional field, never change one.
 */
import { z } from 'zod';
import { JobId } from './ids.ts';

export const ApprovalOutcome = z.enum(['approved', 'rejected', 'expired']);
export type ApprovalOutcome = z.infer<typeof ApprovalOutcome>;

export const ApprovalDecision = z.enum(['approve', 'reject']);
export type ApprovalDecision = z.infer<typeof ApprovalDecision>;

const ApprovalClause = z
  .looseObject({
    user: z.string().optional().describe('This person.'),
    team: z.string().optional().describe('Any member of this team.'),
  })
  .meta({ title: 'ApprovalClause', description: 'One condition on who must approve.' });

/** A frame of an agent: a step waits for people, or the job as a whole. The job's wall clock stands still meanwhile. */
export const ApprovalRequested = z.looseObject({
  messageId: z.string().describe('Names the request; its answer repeats it.'),
  stepIndex: z
    .int()
    .optional()
    .describe('The step that waits; none where the job as a whole does.'),
  stepName: z.string().optional().describe('Its name.'),
  clauses: z
    .array(ApprovalClause)
    .optional()
    .describe('All must be met; none means that anybody may approve.'),
  reason: z.string().optional().describe('What is to be approved, for people.'),
  timeoutSeconds: z
    .number()
    .nonnegative()
    .optional()
    .describe('How long the request stands; as the run says if absent.'),
});

/** What a person says of an open approval. Teams are those of the org's settings, never of the wire. */
export const ApprovalAnswered = z.looseObject({
  approvalId: z.string().optional().describe('The approval.'),
  by: z.string().optional().describe('Who says it.'),
  teams: z.array(z.string()).optional().describe('The teams that they were of when they said it.'),
  decision: ApprovalDecision.optional().describe('What they say.'),
  reason: z.string().optional().describe('Why, for whoever asked.'),
  requestId: z
    .string()
    .optional()
    .describe('In old logs, the request: it was answered at once, before people were asked.'),
  outcome: ApprovalOutcome.optional().describe('In old logs, the answer.'),
});

/** How it ended: told to its agent, once more where that has moved and asks again. */
export const ApprovalResolved = z.looseObject({
  jobId: JobId.describe('The job.'),
  attempt: z
    .int()
    .positive()
    .optional()
    .describe('The attempt that asks; none where the job itself was held.'),
  approvalId: z.string().describe('The approval.'),
  requestId: z.string().optional().describe('The agent’s own name of its request.'),
  outcome: ApprovalOutcome.describe('How it ended.'),
  reason: z.string().optional().describe('Why it was rejected.'),
});
