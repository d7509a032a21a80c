/**
 * Events that nobody had a right to append, put into the log past everybody: by a broken tool, a restored backup, an old build. All
 * of them are illegal where they lie, and the fold has to pass over each.
 */
import {
  type BodyOf,
  currentAttempt,
  type Draft,
  headersOf,
  type Job,
  type Run,
  type RunCreated,
  runDraft,
} from '@waybill/protocol';
import type { Theatre } from './faults.ts';
import { strayPrefix } from './stray-story.ts';

export const strayKinds = [
  'offer-gap',
  'offer-fence',
  'offer-early',
  'offer-busy',
  'expired',
  'lost',
  'stale',
  'completed',
  'queued',
  'created',
  'foreign-status',
  'foreign-attempt',
  'foreign-return',
  'repeated',
  'garbage',
] as const;
export type StrayKind = (typeof strayKinds)[number];

export function strayInto({ world, log, observer }: Theatre, kind: StrayKind): void {
  const open = observer.stories().filter(({ end }) => end.created !== null);
  if (open.length === 0) return;
  const { end: run } = world.random.pick(open);
  if (run.created === null) return;
  const job =
    kind === 'offer-busy'
      ? run.jobs.find(
          (each) => each.state === 'queued' && each.workedUntil > log.serverTime() + 2_000,
        )
      : world.random.pick(run.jobs);
  if (job === undefined || isLawful(kind, job, log.serverTime())) return;
  if (kind === 'repeated') {
    const message = world.random.pick(log.messages('WB_RUNS'));
    log.append(message.subject, message.headers, message.body, () => undefined);
    return;
  }
  const draft = draftOf(kind, `${strayPrefix}${world.events()}`, { run, made: run.created, job });
  const body = typeof draft.body === 'string' ? new TextEncoder().encode(draft.body) : draft.body;
  const headers = { ...headersOf(draft), 'Nats-Msg-Id': draft.meta.id };
  log.append(draft.subject, headers, body, () => undefined);
}

/** Soon due anyway: whoever says so then has a right to it. */
function isLawful(kind: StrayKind, job: Job, now: number): boolean {
  const current = currentAttempt(job);
  if (current === undefined) return false;
  const soon = now + 5_000;
  if (kind === 'expired') return current.until < soon;
  if (kind === 'lost') return (current.recoverUntil ?? soon) < soon;
  return kind === 'stale' && (current.heardAt ?? current.offeredAt) + 100_000 < soon;
}

type About = Readonly<{ run: Run; made: RunCreated; job: Job }>;

/** A session that nobody has, and an attempt that nobody made. */
const never = 999_999;

function draftOf(
  kind: Exclude<StrayKind, 'repeated'>,
  id: string,
  { run, made, job }: About,
): Draft {
  const { org, runId } = made;
  const { jobId } = job.spec;
  const current = currentAttempt(job);
  const attempt = current?.attempt ?? 1;
  const agentId = current?.agentId ?? 'agent-1';
  const session = current?.session ?? 1;
  const meta = { id, source: '/stray', jobId, attempt, fence: current?.fence, agentId, session };
  const place = { org, runId };
  const offer = { jobId, agentId, session, ackTimeoutMs: 10_000, reason: 'retry' } as const;
  const offered = (numbers: Readonly<{ attempt: number; fence: number }>): Draft =>
    runDraft({ ...place, type: 'job.offered', to: agentId, meta, body: { ...offer, ...numbers } });
  switch (kind) {
    case 'offer-gap':
      return offered({ attempt: job.attempts.length + 3, fence: run.seq });
    // Legal in all but one: somebody may still be at work.
    case 'offer-busy':
      return offered({ attempt: job.attempts.length + 1, fence: run.seq });
    case 'offer-fence':
      return offered({ attempt: job.attempts.length + 1, fence: run.seq + never });
    case 'offer-early':
      return offered({
        attempt: job.attempts.length + 1,
        fence: current?.fence ?? run.seq + never,
      });
    case 'expired':
      return runDraft({ ...place, type: 'job.expired', meta, body: { jobId, attempt } });
    case 'lost':
      return runDraft({ ...place, type: 'job.lost', meta, body: { jobId, attempt } });
    case 'stale':
      return runDraft({
        ...place,
        type: 'job.stale',
        meta,
        body: { jobId, attempt, heartbeat: null },
      });
    case 'completed':
      return runDraft({ ...place, type: 'run.completed', meta, body: completedBody });
    case 'queued':
      return runDraft({ ...place, type: 'job.queued', meta, body: { jobId } });
    case 'created':
      return runDraft({ ...place, type: 'run.created', meta, body: made });
    case 'foreign-status':
      return runDraft({
        ...place,
        type: 'job.status',
        meta: { ...meta, session: never },
        body: { state: 'success' },
      });
    case 'foreign-attempt':
      return runDraft({
        ...place,
        type: 'job.status',
        meta: { ...meta, attempt: attempt + 1 },
        body: { state: 'failed' },
      });
    case 'foreign-return':
      return runDraft({
        ...place,
        type: 'agent.resumed',
        meta: { ...meta, agentId: 'nobody', session: never },
        body: { previousSession: session },
      });
    case 'garbage':
      return runDraft({ ...place, type: 'job.status', meta, body: '{"state":' });
  }
}

const completedBody: BodyOf<'run.completed'> = {
  state: 'cancelled',
  startedAt: null,
  completedAt: 0,
  durationMs: 0,
  queuedMs: 0,
  usage: {},
  costUsd: 0,
  priceGeneration: null,
  jobs: [],
};
