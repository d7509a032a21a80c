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
  type RunEventType,
  runDraft,
} from '@waybill/protocol';
import type { Theatre } from './faults.ts';
import type { Random } from './random.ts';
import {
  type ApprovalStrayKind,
  approvalStray,
  approvalStrayKinds,
  isApprovalStray,
} from './stray-approval.ts';
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
  ...approvalStrayKinds,
] as const;
export type StrayKind = (typeof strayKinds)[number];

export function strayInto({ world, log, observer }: Theatre, kind: StrayKind): void {
  const open = observer.stories().filter(({ end }) => end.created !== null);
  const id = `${strayPrefix}${world.events()}`;
  if (isApprovalStray(kind)) {
    const runs = open.map(({ end }) => end);
    const said = { now: log.serverTime(), random: world.random };
    const stray = approvalStray(kind, id, runs, said);
    return stray === undefined ? undefined : put(log, stray);
  }
  // Anywhere else an offer is illegal for more reasons than the one that is meant.
  const fitting = kind.startsWith('offer') ? open.filter(({ end }) => end.jobs.some(isQueued)) : [];
  const among = fitting.length > 0 ? fitting : open;
  if (among.length === 0) return;
  const { end: run } = world.random.pick(among);
  if (run.created === null) return;
  const now = log.serverTime();
  const job = jobFor(kind, run, world.random, now);
  if (job === undefined || isLawful(kind, job, now)) return;
  if (kind === 'repeated') {
    const message = world.random.pick(log.messages('WB_RUNS'));
    log.append(message.subject, message.headers, message.body, () => undefined);
    return;
  }
  put(log, draftOf(kind, id, { run, made: run.created, job }));
}

function put(log: Theatre['log'], draft: Draft): void {
  const body = typeof draft.body === 'string' ? new TextEncoder().encode(draft.body) : draft.body;
  const headers = { ...headersOf(draft), 'Nats-Msg-Id': draft.meta.id };
  log.append(draft.subject, headers, body, () => undefined);
}

const isQueued = ({ state }: Job): boolean => state === 'queued';

function jobFor(kind: StrayKind, { jobs }: Run, random: Random, now: number): Job | undefined {
  const queued = jobs.filter(isQueued);
  if (kind === 'offer-busy') return queued.find(({ workedUntil }) => workedUntil > now + 2_000);
  const free = queued.filter(({ workedUntil }) => workedUntil < now);
  return random.pick(kind.startsWith('offer') && free.length > 0 ? free : jobs);
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

type Numbers = Readonly<{ attempt: number; fence: number }>;
type Place = Readonly<{ org: string; runId: string; run: Run; made: RunCreated; job: Job }> &
  Readonly<{ attempt: number; meta: Draft['meta'] }>;

const offeredAs = ({ org, runId, job, meta }: Place, numbers: Numbers): Draft => {
  const { agentId = 'agent-1', session = 1 } = meta;
  const { jobId } = job.spec;
  const offer = { jobId, agentId, session, ackTimeoutMs: 10_000, reason: 'retry' } as const;
  const body = { ...offer, ...numbers };
  return runDraft({ org, runId, type: 'job.offered', to: agentId, meta, body });
};
const next = ({ job }: Place): number => job.attempts.length + 1;

type DraftedKind = Exclude<StrayKind, 'repeated' | ApprovalStrayKind>;

const drafts: Readonly<Record<DraftedKind, (o: Place) => Draft>> = {
  'offer-gap': (o) => offeredAs(o, { attempt: next(o) + 2, fence: o.run.seq }),
  // Legal in all but one: somebody may still be at work.
  'offer-busy': (o) => offeredAs(o, { attempt: next(o), fence: o.run.seq }),
  'offer-fence': (o) => offeredAs(o, { attempt: next(o), fence: o.run.seq + never }),
  'offer-early': (o) =>
    offeredAs(o, { attempt: next(o), fence: currentAttempt(o.job)?.fence ?? o.run.seq + never }),
  expired: (o) => about(o, 'job.expired', { jobId: o.job.spec.jobId, attempt: o.attempt }),
  lost: (o) => about(o, 'job.lost', { jobId: o.job.spec.jobId, attempt: o.attempt }),
  stale: (o) =>
    about(o, 'job.stale', { jobId: o.job.spec.jobId, attempt: o.attempt, heartbeat: null }),
  completed: (o) => about(o, 'run.completed', completedBody),
  queued: (o) => about(o, 'job.queued', { jobId: o.job.spec.jobId }),
  created: (o) => about(o, 'run.created', o.made),
  'foreign-status': (o) =>
    about({ ...o, meta: { ...o.meta, session: never } }, 'job.status', { state: 'success' }),
  'foreign-attempt': (o) =>
    about({ ...o, meta: { ...o.meta, attempt: o.attempt + 1 } }, 'job.status', { state: 'failed' }),
  'foreign-return': (o) =>
    about({ ...o, meta: { ...o.meta, agentId: 'nobody', session: never } }, 'agent.resumed', {
      previousSession: o.meta.session ?? 1,
    }),
  garbage: (o) => about(o, 'job.status', '{"state":'),
};

const about = <T extends RunEventType>(
  { org, runId, meta }: Place,
  type: T,
  body: BodyOf<T> | string,
): Draft => runDraft({ org, runId, type, meta, body });

function draftOf(kind: DraftedKind, id: string, { run, made, job }: About): Draft {
  const { org, runId } = made;
  const current = currentAttempt(job);
  const { attempt = 1, agentId = 'agent-1', session = 1, fence } = current ?? {};
  const { jobId } = job.spec;
  const meta = { id, source: '/stray', jobId, attempt, fence, agentId, session };
  return drafts[kind]({ org, runId, run, made, job, attempt, meta });
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
