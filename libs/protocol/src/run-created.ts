/**
 * What a run is made of, as its `run.created` carries it: the jobs with their needs, what it goes back to, its budgets and times.
 * Everything is copied from the pinned generations, because the fold reads no other stream.
 */
import { z } from 'zod';
import { JobId, Org, RunId, TriggerId } from './ids.ts';
import { Outcome } from './states.ts';

const durationMs = z.int().nonnegative();

export const Need = z
  .object({
    job: z.string().describe('The name of another job of the run.'),
    on: z.array(Outcome).min(1).describe('The outcomes of that job that meet the need.'),
  })
  .meta({ title: 'Need', description: 'What one job asks of another before it may begin.' });
export type Need = z.infer<typeof Need>;

/** Why work that an agent had begun came to nothing. */
export const RetryCause = z.enum(['failed', 'agent_lost', 'timed_out_stale', 'job_timeout']);
export type RetryCause = z.infer<typeof RetryCause>;

export const RetryPolicy = z
  .object({
    on: z.array(RetryCause).min(1).describe('What it repeats.'),
    exitCodes: z
      .array(z.int())
      .optional()
      .describe('Only work that ended with one of these; absent means any.'),
    max: z.int().positive().describe('How often, at most.'),
    backoffMs: durationMs.describe('The wait before the first repeat; it doubles each time.'),
    backoffMaxMs: durationMs.describe('The longest wait.'),
  })
  .meta({ title: 'RetryPolicy', description: 'When work that failed is done again.' });
export type RetryPolicy = z.infer<typeof RetryPolicy>;

export const JobApproval = z
  .object({
    users: z.array(z.string()).optional().describe('People, each of whom must approve.'),
    teams: z.array(z.string()).optional().describe('Teams, of each of which somebody must.'),
    reason: z.string().optional().describe('What is to be approved, for people.'),
    timeoutMs: durationMs
      .optional()
      .describe('How long people have; the run’s `approvalTimeoutMs` if absent.'),
  })
  .meta({ title: 'JobApproval', description: 'Who must approve a job before it is offered.' });
export type JobApproval = z.infer<typeof JobApproval>;

export const JobSpec = z
  .looseObject({
    jobId: JobId.describe('`<runId>-<index>`, minted with the run.'),
    name: z.string().min(1).describe('Its name, which no other job of the run has.'),
    runsOn: z
      .array(z.string())
      .describe(
        'Labels that its agent must have, all of them; `*` matches any characters, a leading `!` excludes.',
      ),
    agent: z.string().optional().describe('The only agent that may have it.'),
    needs: z.array(Need).describe('What must have ended before it, and how.'),
    config: z
      .record(z.string(), z.unknown())
      .describe('The `jobConfig` of its dispatch, without the event of the trigger.'),
    withEvent: z
      .boolean()
      .describe('Whether the dispatch adds the event; not where the config was given verbatim.'),
    timeoutMs: durationMs.optional().describe('How long it may run, waits for approval apart.'),
    queueTimeoutMs: durationMs.optional().describe('How long it may wait for an agent.'),
    ackTimeoutMs: durationMs
      .optional()
      .describe('How long an agent has to answer an offer of it; as the org has set if absent.'),
    heartbeatTimeoutMs: durationMs
      .optional()
      .describe('How long it may be silent; the run’s `staleMs` if absent.'),
    maxLogSizeBytes: z
      .int()
      .positive()
      .optional()
      .describe('How much log each of its steps may have; 10 MiB if absent.'),
    retries: z
      .array(RetryPolicy)
      .optional()
      .describe('When it is done again; the first policy that fits counts.'),
    group: z
      .string()
      .optional()
      .describe('What it was written as, where a matrix made several jobs of it.'),
    matrixValues: z
      .record(z.string(), z.unknown())
      .optional()
      .describe('Its values of the matrix, by name.'),
    failFast: z
      .boolean()
      .optional()
      .describe('Whether the others of its group are cancelled when it fails.'),
    approval: JobApproval.optional().describe('Who must approve it before it is offered.'),
  })
  .meta({ title: 'JobSpec', description: 'A job as its run was created with it.' });
export type JobSpec = z.infer<typeof JobSpec>;

/** `fork`: it runs what somebody wrote who may not write to the repository, or was started by such a run. */
export const Trust = z.enum(['trusted', 'fork']);
export type Trust = z.infer<typeof Trust>;

const UpstreamRun = z
  .looseObject({
    runId: RunId.describe('The run.'),
    jobId: JobId.describe('The job of it.'),
    originalRunId: RunId.optional().describe('The first run of the chain.'),
  })
  .meta({ title: 'UpstreamRun', description: 'The run whose event started another one.' });

export const Trigger = z
  .looseObject({
    triggerId: TriggerId.describe('Its id, a hash of org, source and delivery id.'),
    source: z.string().describe('Where it came from, as `github` or `api`.'),
    kind: z.enum(['webhook', 'manual', 'schedule', 'upstream']).describe('In which way it came.'),
    event: z.string().describe('The producer’s own name of what happened, as `push`.'),
    deliveryId: z.string().describe('The producer’s id of this one message.'),
    chainDepth: z
      .int()
      .nonnegative()
      .optional()
      .describe(
        'How many runs before it were each started by an event of the one before; 0 if absent.',
      ),
    by: z.string().optional().describe('The person or program that asked with an API key.'),
    from: UpstreamRun.optional().describe('Who emitted the event that started it.'),
  })
  .meta({ title: 'Trigger', description: 'What a run goes back to.' });
export type Trigger = z.infer<typeof Trigger>;

const PinnedGeneration = z
  .object({
    name: z.string().describe('The rule.'),
    generation: z.int().positive().describe('Its generation when the decision was made.'),
  })
  .meta({
    title: 'PinnedGeneration',
    description: 'The generation of a rule that a run was made from.',
  });

export const RunCreated = z.looseObject({
  runId: RunId.describe('The run; the same as on the subject.'),
  org: Org.describe('The org; the same as on the subject.'),
  trigger: Trigger,
  rule: PinnedGeneration.nullable().describe(
    'The rule it was made from; null if it was asked for directly.',
  ),
  workflow: z.string().describe('The name of the workflow.'),
  repoUrl: z.string().describe('Where its agents clone from; empty for no checkout.'),
  repository: z
    .string()
    .optional()
    .describe('The name of that repository, without credentials; absent for none.'),
  trust: Trust.optional().describe('Whose code it runs; `trusted` if absent.'),
  ref: z.string().describe('Branch or tag; may be empty.'),
  sha: z.string().describe('The commit; may be empty.'),
  input: z.unknown().optional().describe('What a person or a producer gave it to work on.'),
  event: z
    .unknown()
    .describe('The payload of the trigger; null where it would not fit beside the rest.'),
  secrets: z.unknown().optional().describe('Secrets for its jobs, sealed, never plain.'),
  credentials: z
    .unknown()
    .optional()
    .describe('What its agents reach other places with, sealed together, never plain.'),
  jobs: z.array(JobSpec).min(1).describe('Its jobs, in the order of their indexes.'),
  offersMax: z
    .int()
    .positive()
    .describe('Offers of one job that may go unanswered before the job fails.'),
  ackTimeoutMs: durationMs.describe(
    'How long an agent has to answer an offer, where neither the job nor the org says.',
  ),
  recoveryMs: durationMs.describe('How long a lost agent has to come back with its job.'),
  staleMs: durationMs.describe('How long a running job may be silent, where it does not say.'),
  cancelGraceMs: durationMs
    .optional()
    .describe('How long a job that is told to stop may take before it is forced; 30 s if absent.'),
  approvalTimeoutMs: durationMs
    .optional()
    .describe('How long people have to approve, where a request does not say; a day if absent.'),
  failFast: z
    .boolean()
    .optional()
    .describe(
      'Whether all other jobs are cancelled when one has failed, those that would clean up behind it (`on: [failed]`) included.',
    ),
});
export type RunCreated = z.infer<typeof RunCreated>;
