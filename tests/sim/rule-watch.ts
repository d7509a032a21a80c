/**
 * What the design says of dispatch beside its numbered invariants, checked while it happens: nothing is given up before its time,
 * what was settled is not sent, nobody who is closed or full is offered more, and what nobody had a right to say does not count.
 */
import type { Job, Run, RunEventOf } from '@waybill/protocol';
import { currentAttempt, isDecision, parseWireJobId } from '@waybill/protocol';
import type { Moment } from '../support/run-story.ts';
import type { SimViolation } from './judgement.ts';
import type { Network } from './network.ts';
import type { Observer } from './observer.ts';
import type { SimLog } from './sim-log.ts';
import { strayPrefix } from './stray-story.ts';
import type { World } from './world.ts';

type Watched = Readonly<{ world: World; log: SimLog; network: Network; observer: Observer }>;

/** Longer than anything that is on its way may take: frames, appends and what deciders have not read yet. */
const onTheWayMs = 20_000;
/** A look at heartbeats may be so old. */
const lookMs = 11_000;
const dispatched = /"type":"job.dispatch".*?"jobId":"([^"]+)"/;

export function openRuleWatch({ log, network, observer }: Watched): Readonly<{
  violations(): readonly SimViolation[];
}> {
  const found: SimViolation[] = [];
  const seen = new Set<string>();
  /** By session, since when it was closed for offers. */
  const closedAt = new Map<number, number>();
  const resolvedAt = new Map<string, number>();

  const wrong = (invariant: SimViolation['invariant'], seq: number | null, what: string): void => {
    found.push({ invariant, seq, what });
  };
  const early = ({ event, before }: Moment): void => {
    if (event.type !== 'job.expired' && event.type !== 'job.lost') return;
    const job = before.jobs.find(({ spec }) => spec.jobId === event.body.jobId);
    const current = job === undefined ? undefined : currentAttempt(job);
    const until = event.type === 'job.expired' ? current?.until : current?.recoverUntil;
    if ((until ?? 0) >= event.at)
      wrong(
        10,
        event.seq,
        `${event.type} of ${event.body.jobId} came ${(until ?? 0) - event.at} ms early`,
      );
  };
  const unanswered = (event: RunEventOf<'approval.resolved'>, before: Run): void => {
    const { jobId, approvalId, outcome } = event.body;
    const job = before.jobs.find(({ spec }) => spec.jobId === jobId);
    const approval = job?.approvals.find(({ id }) => id === approvalId);
    if (outcome === 'expired' && (approval?.expiresAt ?? 0) >= event.at)
      wrong(
        10,
        event.seq,
        `${approvalId} expired ${(approval?.expiresAt ?? 0) - event.at} ms early`,
      );
  };
  const unasked = (event: RunEventOf<'approval.answered'>, before: Run): void => {
    const { approvalId, by = '', teams = [] } = event.body;
    const approval = before.jobs
      .flatMap(({ approvals }) => approvals)
      .find(({ id }) => id === approvalId);
    const asked = approval?.clauses.some(({ user = '', team = '' }) => {
      return user === by || teams.includes(team);
    });
    if (asked === false && (approval?.clauses.length ?? 0) > 0)
      wrong('rule', event.seq, `${by} was not asked about ${approvalId}, and the vote counts`);
  };
  const unheard = (event: RunEventOf<'job.stale'>, job: Job | undefined, staleMs: number): void => {
    const heard = log
      .messages('WB_HEARTBEATS')
      .findLast(
        (each) =>
          each.headers['wb-job'] === event.body.jobId &&
          Number(each.headers['wb-attempt']) === event.body.attempt &&
          each.at < event.at - lookMs,
      );
    if (job !== undefined && heard !== undefined && heard.at + staleMs >= event.at)
      wrong(
        10,
        event.seq,
        `${event.body.jobId} is stale ${event.at - heard.at} ms after a heartbeat`,
      );
  };
  const offered = (event: RunEventOf<'job.offered'>, job: Job | undefined): void => {
    const { jobId, session } = event.body;
    if (job !== undefined && event.at <= job.workedUntil)
      wrong(
        3,
        event.seq,
        `${jobId} is offered while another may be at work until ${job.workedUntil}`,
      );
    const since = closedAt.get(session);
    if (since !== undefined && event.at - since > onTheWayMs)
      wrong(
        'rule',
        event.seq,
        `${jobId} is offered to session ${session}, closed ${event.at - since} ms ago`,
      );
  };
  const settle = ({ event, after }: Moment): void => {
    for (const { attempts, spec } of after.jobs)
      for (const { attempt, resolution, session } of attempts) {
        const key = `${spec.jobId} ${attempt}`;
        if (resolution === null || resolvedAt.has(key)) continue;
        resolvedAt.set(key, event.at);
        if (resolution === 'expired') closedAt.set(session, event.at);
      }
  };
  /** Whoever was not offered the attempt does not speak of it in the run, not even in vain. */
  const foreign = ({ event, after }: Moment): void => {
    const { session, jobId, attempt } = event.meta;
    const sayer = session === undefined ? undefined : observer.session(session);
    const job = after.jobs.find(({ spec }) => spec.jobId === jobId);
    const offer = attempt === undefined ? undefined : job?.attempts[attempt - 1];
    if (isDecision(event.type) || event.id.startsWith(strayPrefix)) return;
    if (sayer !== undefined && offer !== undefined && sayer.agentId !== offer.agentId)
      wrong(
        'rule',
        event.seq,
        `${event.type} of ${jobId} was said by ${sayer.agentId}, it is ${offer.agentId}'s`,
      );
  };
  observer.onMoment((moment) => {
    const { event, before, isVoid } = moment;
    foreign(moment);
    const isRepeat = seen.has(event.id);
    seen.add(event.id);
    if (isVoid) return;
    if (isRepeat) wrong(6, event.seq, `${event.type} ${event.id} counted twice`);
    if (event.id.startsWith(strayPrefix))
      wrong('rule', event.seq, `${event.type} counted, and nobody had a right to it`);
    early(moment);
    const jobId =
      event.type === 'job.stale' || event.type === 'job.offered' ? event.body.jobId : '';
    const job = before.jobs.find(({ spec }) => spec.jobId === jobId);
    if (event.type === 'job.stale') unheard(event, job, before.created?.staleMs ?? 0);
    if (event.type === 'job.offered') offered(event, job);
    if (event.type === 'approval.resolved') unanswered(event, before);
    if (event.type === 'approval.answered') unasked(event, before);
    settle(moment);
  });
  network.onSent(({ life: from }, text) => {
    if (!from.name.startsWith('gateway')) return;
    const wireJobId = dispatched.exec(text)?.[1] ?? '';
    const wire = parseWireJobId(wireJobId);
    const at = wire === undefined ? undefined : resolvedAt.get(`${wire.jobId} ${wire.attempt}`);
    if (at !== undefined && log.serverTime() - at > onTheWayMs)
      wrong(
        1,
        null,
        `${wireJobId} is sent by ${from.name} ${log.serverTime() - at} ms after it was settled`,
      );
  });
  return { violations: () => found };
}
