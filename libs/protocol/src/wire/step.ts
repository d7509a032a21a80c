/** What an agent reports about one step, and the output of steps. */
import { z } from 'zod';
import { observed } from './annotation.ts';
import {
  count,
  echo,
  freeRecord,
  jobId,
  lines,
  messageId,
  names,
  runId,
  shortText,
  stepIndex,
  stepName,
  timestamp,
} from './field.ts';
import type { Immutable } from './immutable.ts';
import { message } from './message.ts';

/** `pending` and `cancelled` are not in the published table; existing agents send them. */
export const WireStepState = z.enum([
  'pending',
  'running',
  'success',
  'failed',
  'skipped',
  'cancelled',
]);
export type WireStepState = z.infer<typeof WireStepState>;

export const WireStepType = z.enum([
  'step',
  'hook:onCancel',
  'hook:cleanup',
  'hook:onSuccess',
  'hook:onFailure',
  'hook:beforeStep',
  'hook:afterStep',
]);
export type WireStepType = z.infer<typeof WireStepType>;

export const StepStatus = message(
  'step.status',
  'A step changed state. Its last log lines may still follow.',
  {
    messageId,
    runId,
    jobId,
    stepIndex,
    stepName,
    state: WireStepState.describe(
      'The new state. `pending` and `cancelled` are observed, not published.',
    ),
    timestamp,
    data: freeRecord()
      .optional()
      .describe('What belongs to the state: duration, exit code, error.'),
    step_type: WireStepType.optional().describe('A step of the job, or which hook.'),
    secretsAccessed: names().optional().describe('Names of the secrets that the step read.'),
    logBytesStreamed: count().optional().describe('Bytes of log of the whole step, at its end.'),
    concurrencyKind: observed(shortText()).optional().describe('How it runs beside other steps.'),
    groupId: observed(shortText()).optional().describe('The group of steps that it runs in.'),
    ...echo,
  },
  [
    {
      id: 'step-log-bytes-at-end',
      statement: '`logBytesStreamed` is for terminal states only',
      when: [{ has: ['logBytesStreamed'] }],
      then: [{ at: ['state'], oneOf: ['success', 'failed', 'skipped', 'cancelled'] }],
      issueAt: ['logBytesStreamed'],
    },
  ],
);
export type StepStatus = Immutable<z.infer<typeof StepStatus>>;

export const LogChunk = message('log.chunk', 'Lines that a step printed.', {
  messageId,
  runId,
  jobId,
  stepIndex: z
    .int()
    .describe('The step. -1 is the preparation; large numbers are hooks and caches.'),
  lines: lines().describe('The lines, in order, colour codes included.'),
  timestamp,
  ...echo,
});
export type LogChunk = Immutable<z.infer<typeof LogChunk>>;
