/**
 * The bodies of the facts about a run, as far as the fold reads them: frames of agents are stored as they came, and what
 * gateways and people add is small. Kept for ever: add an optional field, never change one.
 */
import { z } from 'zod';
import { JobId } from './ids.ts';
import { StepState } from './states.ts';
import { WireJobState } from './wire/job.ts';

export const JobAckFact = z.looseObject({});
const dataOf = (what: string) => z.looseObject({}).optional().describe(what);
const SealedOutput = z
  .looseObject({
    agentPublicKey: z.string().describe('The ephemeral key of the agent, base64.'),
    encrypted: z.string().describe('The sealed value, base64.'),
  })
  .meta({ title: 'SealedOutput', description: 'A secret output, sealed to the run’s key.' });
export type SealedOutput = z.infer<typeof SealedOutput>;
/** Frames of agents, stored as they came: only what the fold reads is asked for. */
export const JobStatusFact = z.looseObject({
  state: WireJobState.describe('The state that the agent reports.'),
  droppedJobs: z
    .array(z.string())
    .optional()
    .describe('Names of jobs that a second evaluation no longer produced.'),
  data: dataOf(
    '`outputs`, `error` or `reason`, `droppedJobs`: agents differ in where they put them.',
  ),
  secretOutputs: z
    .record(z.string(), SealedOutput)
    .optional()
    .describe('Outputs that the agent has sealed to the key of the run, by name.'),
});
export const JobRejectFact = z.looseObject({
  reason: z.string().describe('`busy` or `draining`.'),
});
export const JobUnsentFact = z.looseObject({
  cause: z
    .string()
    .describe('Why: `secrets_unreadable`, `dispatch_invalid` or `dispatch_too_big`.'),
});
export const StepStatusFact = z.looseObject({
  stepIndex: z.int().describe('The place of the step in its job.'),
  stepName: z.string().describe('Its name.'),
  state: StepState.describe('The state that the agent reports.'),
  step_type: z.string().optional().describe('`step`, or which hook; also read from `data`.'),
  data: dataOf('`exitCode` and `step_type`.'),
  secretsAccessed: z
    .array(z.string())
    .optional()
    .describe('Names of the secrets that the step read.'),
  logBytesStreamed: z
    .number()
    .nonnegative()
    .optional()
    .describe('Bytes of log of the whole step, at its end.'),
});
const previousSession = z.int().positive().describe('The session that the attempt was on before.');
/** What a gateway saw of a socket that a run depends on. */
export const AgentLost = z.looseObject({
  code: z.int().describe('The close code of the socket.'),
  scalerManaged: z
    .boolean()
    .describe(
      'Whether the agent does not come back: a scaler made it, and it went away by itself.',
    ),
});
export const AgentResumed = z.looseObject({
  previousSession,
  keepsApprovals: z
    .boolean()
    .optional()
    .describe('Whether the agent still waits for the approvals that it has asked for.'),
});
export const AgentAbsent = z.looseObject({ previousSession });
export const AgentHeard = z.looseObject({
  frame: z.string().describe('The type of the frame, which lies in a stream of its own.'),
});

/** What a person asks for; without `jobIds` the whole run. */
export const CancelRequested = z.looseObject({
  jobIds: z.array(JobId).optional().describe('Only these jobs.'),
  reason: z.string().optional().describe('Why, for people.'),
  force: z.boolean().optional().describe('At once, without hooks.'),
  by: z.string().describe('Who asked.'),
});
