/** A step that needs somebody's approval: the agent waits until the answer arrives. */
import { z } from 'zod';
import { extension, observed } from './annotation.ts';
import {
  echo,
  freeRecord,
  jobId,
  messageId,
  name,
  quantity,
  requestId,
  runId,
  stepIndex,
  stepName,
  text,
} from './field.ts';
import type { Immutable } from './immutable.ts';
import { wireLimits } from './limits.ts';
import { message, part } from './message.ts';

export const WireApprovalOutcome = z.enum(['approved', 'rejected', 'expired']);
export type WireApprovalOutcome = z.infer<typeof WireApprovalOutcome>;

export const ApproverClause = part(
  'ApproverClause',
  'One condition on who must approve.',
  {
    team: name().optional().describe('Any member of this team.'),
    user: name().optional().describe('This person.'),
  },
  [
    {
      id: 'clause-team-excludes-user',
      statement: '`user` must be absent when `team` is present',
      when: [{ has: ['team'] }],
      then: [{ lacks: ['user'] }],
      issueAt: ['user'],
    },
    {
      id: 'clause-needs-team-or-user',
      statement: '`user` must be present when `team` is absent',
      when: [{ lacks: ['team'] }],
      then: [{ has: ['user'] }],
      issueAt: ['user'],
    },
  ],
);
export type ApproverClause = Immutable<z.infer<typeof ApproverClause>>;

/** What is asked of people, whatever waits for their answer. */
const question = {
  clauses: z
    .array(ApproverClause)
    .max(wireLimits.clausesMax)
    .describe('All must be met; an empty list means anybody who may approve.'),
  reason: text().describe('What is to be approved, for people.'),
  timeoutSeconds: quantity()
    .optional()
    .describe('How long the request stands; the organisation’s default when absent.'),
};

export const StepApprovalRequest = message(
  'step.approval-request',
  'A step must be approved before it runs. The agent has no timer of its own.',
  {
    messageId: messageId.describe('Names this request; the answer repeats it as `requestId`.'),
    runId,
    jobId,
    stepIndex,
    stepName,
    ...question,
    payload: observed(freeRecord()).optional().describe('More to judge by: a summary, a drift.'),
  },
);
export type StepApprovalRequest = Immutable<z.infer<typeof StepApprovalRequest>>;

export const StepApprovalResolved = message(
  'step.approval-resolved',
  'The answer. After `rejected` or `expired` the agent fails the job.',
  {
    requestId: requestId('the request’s `messageId`'),
    runId,
    jobId,
    stepIndex,
    outcome: WireApprovalOutcome.describe('How it ended.'),
    reason: text().optional().describe('Why, for people.'),
  },
);
export type StepApprovalResolved = Immutable<z.infer<typeof StepApprovalResolved>>;

/** As a step's, but of the job as a whole: an agent asks in the middle of its work. */
export const JobApprovalRequest = extension(
  message(
    'job.approval-request',
    'The job must be approved before it goes on. The agent has no timer of its own.',
    {
      messageId: messageId.describe('Names this request; the answer repeats it as `requestId`.'),
      runId,
      jobId,
      ...question,
      payload: freeRecord().optional().describe('More to judge by: a plan, a summary.'),
      ...echo,
    },
  ),
);
export type JobApprovalRequest = Immutable<z.infer<typeof JobApprovalRequest>>;

export const JobApprovalResolved = extension(
  message('job.approval-resolved', 'The answer to the job’s request.', {
    requestId: requestId('the request’s `messageId`'),
    runId,
    jobId,
    outcome: WireApprovalOutcome.describe('How it ended.'),
    reason: text().optional().describe('Why, for people.'),
  }),
);
export type JobApprovalResolved = Immutable<z.infer<typeof JobApprovalResolved>>;
