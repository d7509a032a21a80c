/**
 * Facts about an agent's work beside its steps, judged: what it has used counts whichever attempt used it, and what it has left
 * behind is remembered. The rest only shows that the attempt is at work.
 */
import { isInHand, isOfAttempt, isOfSession } from './guards.ts';
import type { ArtifactRef, Job } from './job.ts';
import { artifactsMax, currentAttempt, taken } from './job.ts';
import type { RunEventOf } from './run-message.ts';
import { addUsage, usageIn } from './usage.ts';
import type { Judged } from './void.ts';

/** Words of an attempt like any other; what they say is for the projections. */
export type WorkFact =
  | 'conversation.reported'
  | 'context.reported'
  | 'workspace.reported'
  | 'event.emitted'
  | 'artifact.stored'
  | 'provenance.stored'
  | 'cache.stored'
  | 'cache.restored'
  | 'concurrency.reported'
  | 'run.event'
  | 'job.context';

/** An attempt that was overtaken has still spent what it has spent. */
export function used(job: Job, event: RunEventOf<'usage.reported'>): Judged {
  const { attempt, agentId, session } = event.meta;
  const of = job.attempts.find((each) => each.attempt === attempt && each.agentId === agentId);
  if (of === undefined) return 'stale-attempt';
  const usage = addUsage(job.usage, usageIn(event.body));
  const current = currentAttempt(job);
  const isAtWork =
    current !== undefined &&
    isOfAttempt(attempt, current) &&
    isOfSession(session, current) &&
    isInHand(job.state);
  return { ...(isAtWork ? taken(job, current, event.at) : job), usage };
}

export function withArtifact(job: Job, { body }: RunEventOf<'artifact.stored'>): Job {
  const { name, uri, sha256, sizeBytes, mediaType = null } = body;
  const others = job.artifacts.filter((each) => each.name !== name);
  // Lean events have no name.
  if (name === '' || others.length >= artifactsMax) return job;
  const stored: ArtifactRef = { name, uri, sha256, sizeBytes, mediaType };
  return { ...job, artifacts: [...others, stored] };
}
