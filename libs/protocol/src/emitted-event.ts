/**
 * Events that steps emit: the trigger that one becomes, with whom it came from, and the word of it in its own run. A chain of
 * runs that start each other by them is bounded by its depth.
 */
import { z } from 'zod';
import { JobId, RunId, TriggerId, triggerId } from './ids.ts';
import type { RunCreated, Trust } from './run-created.ts';
import type { ReceivedDraft } from './trigger.ts';

/** Source and kind of the triggers that emitted events become; nobody else may write under it. */
export const UPSTREAM = 'upstream';

export const emittedLimits = {
  /** Runs behind each other that were each started by an event of the one before; the first has 0. */
  chainDepthMax: 10,
  nameCharsMax: 128,
  /** As JSON. It lies in the trigger, in each run that it starts, and in the dispatch of their jobs. */
  payloadBytesMax: 1_048_576,
  payloadDepthMax: 64,
  targetsMax: 256,
} as const;

const EventSource = z
  .looseObject({
    runId: RunId.describe('The run that emitted it.'),
    jobId: JobId.describe('Its job, without the attempt.'),
    originalRunId: RunId.optional().describe('The first run of the chain.'),
    repository: z.string().describe('The repository of that run; empty for none.'),
    ref: z.string().describe('Its branch or tag.'),
    sha: z.string().describe('Its commit.'),
    workflow: z.string().describe('Its workflow.'),
  })
  .meta({ title: 'EventSource', description: 'Whom an emitted event came from.' });

/** The body of the trigger: what `${{ event.… }}` of a rule reads. */
export const EmittedEvent = z.looseObject({
  name: z.string().describe('The name that the step gave it.'),
  payload: z.record(z.string(), z.unknown()).describe('What it carries.'),
  source: EventSource,
  target: z
    .looseObject({ repos: z.array(z.string()).optional() })
    .nullable()
    .describe('Whom it is for; null for everybody.'),
});
export type EmittedEvent = z.infer<typeof EmittedEvent>;

/** The word of it in the run that emitted it, once its trigger is stored. */
export const EventEmitted = z.looseObject({
  requestId: z.string().describe('As the agent named its request.'),
  eventName: z.string().describe('The name of the event.'),
  triggerId: TriggerId.describe('The trigger that it has become.'),
  target: z
    .looseObject({ repos: z.array(z.string()).optional() })
    .optional()
    .describe('Whom it is for, as it came; everybody if absent.'),
  payloadBytes: z.int().nonnegative().describe('How large its payload is, as JSON.'),
});
export type EventEmitted = z.infer<typeof EventEmitted>;

export const chainDepthOf = (run: RunCreated): number => run.trigger.chainDepth ?? 0;
export const trustOf = (run: RunCreated): Trust => run.trust ?? 'trusted';
export const isChainTooLong = (depth: number): boolean => depth > emittedLimits.chainDepthMax;

export type Emission = Readonly<{
  /** The run that emits, and its job. */
  run: RunCreated;
  jobId: string;
  wireJobId: string;
  requestId: string;
  name: string;
  payload: Readonly<Record<string, unknown>>;
  target: EmittedEvent['target'];
  /** Of name, payload and target: tells a repeat from another event under the same request. */
  digest: string;
  trace: Readonly<{ requestId: string; traceparent: string | undefined }>;
}>;

/** The same request of the same attempt is the same trigger, whenever and wherever it is asked for again. */
export function emittedDraft(emission: Emission): ReceivedDraft {
  const { run, jobId, wireJobId, requestId, name, payload, target, digest, trace } = emission;
  const { org, runId, repository = '', ref, sha, workflow } = run;
  const deliveryId = `${wireJobId}.${requestId}`;
  const originalRunId = run.trigger.from?.originalRunId ?? run.trigger.from?.runId ?? runId;
  const source = { runId, jobId, originalRunId, repository, ref, sha, workflow };
  const body: EmittedEvent = { name, payload: { ...payload }, source, target };
  return {
    org,
    source: UPSTREAM,
    triggerId: triggerId(org, UPSTREAM, deliveryId),
    kind: 'upstream',
    event: name,
    deliveryId,
    digest,
    requestId: trace.requestId,
    traceparent: trace.traceparent,
    chainDepth: chainDepthOf(run) + 1,
    trust: trustOf(run),
    appender: '/waybill/agent-gateway',
    body: JSON.stringify(body),
  };
}
