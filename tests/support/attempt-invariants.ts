/** Invariants 1, 2 and 4 over the runs of a log: one resolution, attempts and fences, terminal is final. */
import type { Job, RunEvent } from '@waybill/protocol';
import { isDecision, isTerminalJob, readRunMessage, rollUp, subjects } from '@waybill/protocol';
import type { LoggedMessage, Violation } from './evidence.ts';
import type { Moment, RunStory } from './run-story.ts';

export function oneResolution({ moments, end }: RunStory): readonly Violation[] {
  const offers = new Map<string, number>();
  const found = moments.flatMap((moment) => [
    ...offeredAgain(moment, offers),
    ...resolvedAgain(moment),
  ]);
  for (const job of end.jobs)
    for (const { attempt, resolution } of job.attempts) {
      const seq = offers.get(name(job, attempt)) ?? null;
      const what = `${name(job, attempt)} was offered and never resolved`;
      if (resolution === null) found.push({ invariant: 1, seq, what });
    }
  return found;
}

/** Notes in `offers` where each attempt was offered. */
function offeredAgain({ event, isVoid }: Moment, offers: Map<string, number>): Violation[] {
  if (event.type !== 'job.offered' || isVoid) return [];
  const key = `${event.body.jobId} attempt ${event.body.attempt}`;
  const earlier = offers.get(key);
  offers.set(key, event.seq);
  if (earlier === undefined) return [];
  return [at(1, event, `${key} was offered at ${earlier} already, and both offers stand`)];
}

function resolvedAgain({ event, before, after }: Moment): readonly Violation[] {
  return before.jobs.flatMap((job, index) =>
    job.attempts.flatMap(({ attempt, resolution }, place) => {
      const now = after.jobs[index]?.attempts[place]?.resolution ?? 'nothing';
      if (resolution === null || resolution === now) return [];
      const what = `${name(job, attempt)} was ${resolution} and became ${now} by ${event.type}`;
      return [at(1, event, what)];
    }),
  );
}

/** Facts that no session has said. */
const ofPersons: ReadonlySet<string> = new Set(['cancel.requested', 'approval.answered']);

/** On several servers a decision may be stored behind a fact in flight: there the fold alone excludes it. */
export function attemptsAndFences(
  { moments, end }: RunStory,
  replicas: number,
): readonly Violation[] {
  const found: Violation[] = [];
  for (const { event, after, isVoid } of moments) {
    // One server refuses a decision that has not seen every fact: a void one was appended past its expectation.
    if (isVoid && isDecision(event.type) && replicas === 1)
      found.push(at(2, event, `${event.type} is stored and void (${after.lastVoid?.why})`));
    if (!isVoid && !isDecision(event.type) && !ofPersons.has(event.type))
      found.push(...foreignWord(event, after.jobs));
  }
  for (const job of end.jobs) {
    let last = -1;
    for (const [index, { attempt, fence }] of job.attempts.entries()) {
      if (attempt !== index + 1)
        found.push(ofEnd(end.seq, `${name(job, attempt)} stands at place ${index + 1}`));
      if (fence <= last)
        found.push(ofEnd(end.seq, `${name(job, attempt)} has fence ${fence} after ${last}`));
      last = fence;
    }
  }
  return found;
}

/** On one server: an offer is made on all that lies before it, and its fence says so. */
export const offersOnSight = ({ moments }: RunStory): readonly Violation[] =>
  moments.flatMap(({ event, before, isVoid }) => {
    if (isVoid || event.type !== 'job.offered' || event.body.fence === before.seq) return [];
    const { jobId, attempt, fence } = event.body;
    return [
      at(
        2,
        event,
        `${jobId} attempt ${attempt} was offered with fence ${fence} behind ${before.seq}`,
      ),
    ];
  });

/** What an offer says of agent and session, its envelope says too: it is by that that others find it. */
export const offersNamed = ({ moments }: RunStory): readonly Violation[] =>
  moments.flatMap(({ event, isVoid }) => {
    if (isVoid || event.type !== 'job.offered') return [];
    const { session, agentId } = event.body;
    if (event.meta.session === session && event.meta.agentId === agentId) return [];
    const envelope = `${event.meta.session} of ${event.meta.agentId}`;
    return [
      at(2, event, `an offer to session ${session} of ${agentId} is addressed to ${envelope}`),
    ];
  });

/** Never without one, and always over the whole run: other filters do not exclude each other. */
export const decisionsExpect = (messages: readonly LoggedMessage[]): readonly Violation[] =>
  messages.flatMap((message) => {
    const event = readRunMessage(message);
    if (event === undefined || !isDecision(event.type)) return [];
    const filter = message.header('Nats-Expected-Last-Subject-Sequence-Subject');
    if (
      filter === subjects.runFilter(event.org, event.runId) &&
      message.header('Nats-Expected-Last-Subject-Sequence') !== undefined
    )
      return [];
    const what = `${event.runId}: ${event.type} is stored without an expectation over its run`;
    return [{ invariant: 2, seq: event.seq, what }];
  });

const ofEnd = (seq: number, what: string): Violation => ({ invariant: 2, seq, what });

/** An agent's fact that counted must name the attempt, the session, the agent and the fence that are current behind it. */
function foreignWord(event: RunEvent, jobs: readonly Job[]): readonly Violation[] {
  const { attempt, session, agentId, fence, jobId } = event.meta;
  const job = jobs.find((each) => each.spec.jobId === jobId);
  const current = job?.attempts.at(-1);
  if (job === undefined || current === undefined)
    return [at(2, event, `${event.type} counted for a job that was never offered`)];
  const wrong = [
    attempt === current.attempt ? [] : [`attempt ${attempt}, current is ${current.attempt}`],
    sessionFits(event, current.session)
      ? []
      : [`session ${session}, current is ${current.session}`],
    agentId === current.agentId ? [] : [`agent ${agentId}, current is ${current.agentId}`],
    fence === current.fence ? [] : [`fence ${fence}, current is ${current.fence}`],
  ].flat();
  return wrong.map((what) =>
    at(2, event, `${event.type} of ${job.spec.jobId} counted with ${what}`),
  );
}

/** An agent that is back without the job names its new session, which the attempt does not move to. */
const sessionFits = ({ type, meta }: RunEvent, current: number): boolean =>
  type === 'agent.absent' ? (meta.session ?? 0) > current : meta.session === current;

export function terminalIsFinal({ moments, end }: RunStory): readonly Violation[] {
  const found: Violation[] = [];
  let completions = 0;
  for (const { event, before, after, isVoid } of moments) {
    if (event.type === 'run.completed' && !isVoid) completions += 1;
    for (const [index, job] of before.jobs.entries())
      if (isTerminalJob(job.state) && !same(job, after.jobs[index]))
        found.push(at(4, event, `${job.spec.jobId} was ${job.state} and ${event.type} changed it`));
    if (before.completed !== null && !sameRun(before, after))
      found.push(at(4, event, `the run had ended and ${event.type} changed it`));
  }
  if (completions > 1)
    found.push({ invariant: 4, seq: end.seq, what: `${completions} completions count` });
  if (end.completed !== null && rollUp(end.jobs) !== end.state)
    found.push({
      invariant: 4,
      seq: end.seq,
      what: `the run is ${end.state}, its jobs add up to ${rollUp(end.jobs) ?? 'an open run'}`,
    });
  return found;
}

const same = (a: unknown, b: unknown): boolean =>
  a === b || JSON.stringify(a) === JSON.stringify(b);
const sameRun = (a: Moment['before'], b: Moment['after']): boolean =>
  a.state === b.state &&
  same(a.completed, b.completed) &&
  same(a.created, b.created) &&
  same(a.jobs, b.jobs);

const name = (job: Job, attempt: number): string => `${job.spec.jobId} attempt ${attempt}`;
const at = (invariant: number, event: RunEvent, what: string): Violation => ({
  invariant,
  seq: event.seq,
  what: `${event.runId}: ${what}`,
});
