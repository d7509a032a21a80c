/** The part of docs/run-lifecycle.md that is written by hand: what the tables behind it are about. */
import type { Section } from './markdown.ts';

const opening: Section = () => `
# The life of a run

<!-- Generated from libs/protocol by \`npm run generate\`. The tables are what the fold itself made of every event in every state. -->

A run is some jobs, and a job is work for one agent. This page says how they move: first in words, then for every event in every
state, as the fold decides it. What each event holds is in [the stored events](events.md), what each word means in
[terminology](terminology.md), what always holds in [invariants](invariants.md).

Two things to know first. **Every reader judges every event** by its place in the run's order: one that is late, repeated, foreign or
decided without knowledge of a fact before it is *void*, changes nothing, and is counted. And **time is the log's**: a deadline is
passed by an event whose own stored time is strictly behind it, never by anybody's clock. Later is legal, earlier is void.
`;

const offers: Section = () => `
## Offers

A queued job is *offered* to one session of one agent. The offer is stored, then sent, once; its deadline begins when it is stored: the
job's \`ackTimeoutMs\`, else what the org has set, else 10 s; and an open offer keeps what it was made with. Exactly one thing resolves it:

- **accepted**, by \`job.ack\` or by any other word of that attempt but a reject: a status, a step, a log line, or being listed in
  \`inFlightJobs\` when the agent registers again. A lost ack loses nothing.
- **rejected**, by \`job.reject\`. The job is held back for 0.5 s, doubled each time up to 30 s, and the agent is passed over until it has room.
- **expired**, when nobody answered in time. The same event queues the job again and closes the session with 4031.
- **withdrawn**, because the agent came back without it, will not come back, its gateway is gone, or somebody cancelled the job. Also where its frame
  cannot be made (\`job.unsent\`): then the job fails at once, and no agent is waited for.

Every offer is an *attempt* with a number and a *fence*, the sequence that it expected. Whoever speaks of another attempt, or from
another session, speaks in vain.

**Budget.** A job fails as \`offers_exhausted\` when so many offers came to nothing: 5, or the rule's \`attemptsMax\`. Two kinds cost nothing:
those that were lost with a gateway of ours, and a \`busy\` of an agent that never showed that it had room. Work that is done again has
the whole budget again, and a run's \`offers\` count from there; its attempts tell of all.

**Retries** are another counter: of work that was begun. A job's \`retries\` say what is done again, by cause (\`failed\`, \`agent_lost\`,
\`timed_out_stale\`, \`job_timeout\`) and by the exit code of the step that failed last; the first policy that fits counts, with its own
number and backoff. The event that ends the work queues it again. Where the agent was given up rather than heard, the job is not offered
before that agent's lease is surely over: an offer before that is void, so that no two agents of our SDK have it at once.
`;

const deadlines: Section = () => `
## Deadlines

| what may take how long | counted from | set by | when it is over |
| --- | --- | --- | --- |
| people's approval | the request | \`timeoutSeconds\` or \`approval.timeoutMs\`, else the org, else a day | \`approval.resolved\`: \`expired\` |
| the wait for an agent | queued, whatever offers come to nothing | \`queueTimeoutMs\` | \`job.timed_out\`: failed, \`queue_timeout\` |
| the answer to an offer | the offer | \`ackTimeoutMs\`, else the org, else 10 s | \`job.expired\`: queued again |
| the work | the first word of the attempt | \`timeoutMs\` | \`job.cancel\`, then force: failed, \`job_timeout\` |
| silence | the last fact or heartbeat | \`heartbeatTimeoutMs\`, else 120 s, two heartbeats | \`job.stale\`: \`timed_out_stale\` |
| a lost agent's return | the loss | 120 s | \`job.lost\`: failed, \`agent_lost\` |
| a graceful stop | the stop | \`cancelGraceMs\`, 30 s | \`job.cancel\` with force |
| a forced stop | the force | 10 s | \`job.cancelled\` |

Those from the wait for an agent to silence are a job's own. What a job says for its silence is also the lease that each heartbeat gives its agent. Heartbeats do not prolong the work, and work does not excuse silence. While a step waits for approval
the clock of the work stands still; the heartbeats go on.

The scheduler sweeps what is due at least every 250 ms. Before \`job.stale\` it reads the last heartbeat from the leader of its stream and
says when: heartbeats lie apart from the run, and a scheduler that was frozen since then would not know better.
`;

const approvals: Section = () => `
## Approvals

A job with an \`approval\` is *held* when its needs are met, before anybody is offered it; and an agent at work may ask for one at any
time, for a step or for the job as a whole. Each open approval has clauses, a person or a team each, all of which somebody has to meet;
without one, anybody may approve. People's words are facts (\`approval.answered\`) and the fold counts them: **any reject wins**. The
dispatcher ends it as the votes say, the scheduler when its time is over and they say nothing yet: \`approval.resolved\`, once. One that does
not agree with the votes is void, whoever wrote it. A held job that is approved is queued, else it fails as \`approval_rejected\` or
\`approval_expired\`; an agent is told the outcome, and fails its job itself.

A wait ends with the connection that it was asked on: what was open is *withdrawn*, and an agent that is back asks anew. One that speaks the
extension \`approvals\` keeps waiting and asks again under the same name: that is the same request, and its outcome is told once more.
More in [approvals](approvals.md).
`;

const ends: Section = () => `
## Cancel

A person's wish, \`cancel.requested\`, is about a run or some of its jobs. What no agent has ends at once. An open offer is withdrawn. An
agent at work is told to stop and has its grace; then it is told with force; then the job is given up and ends all the same. What the
agent says first counts: a job that had succeeded has succeeded. A cancelled job is never queued again, whatever becomes of its agent,
and the wish stays with it while its socket is away. The same way leads from a job's own limit, to \`failed\`, and from *fail-fast*: when
one job of a matrix fails for good (or any job, where the run says so), its siblings are stopped. The run's own \`failFast\` spares
nothing that is open: a job that is to clean up behind a failure (\`on: [failed]\`) is cancelled with the rest, so a run that has such jobs
goes without it.

\`cancelling\` by its agent's own word alone, when nobody asked for it, is work like any other: where that agent is given up it ends as
\`failed\` or \`timed_out_stale\`, and its retries count.

## An agent goes away and comes back

An unanswered offer stays open to its deadline: the agent may be back in time. Work is \`recovering\`. Back with the job in hand
(\`agent.resumed\`), the attempt goes on under the new session; back without it (\`agent.absent\`), it is settled at once; not back, at the
end of its time. An agent of a scaler does not come back, so that nobody waits for it. Words on the old socket are void from then on.

## Our own faults

A **gateway** holds a lease. While that is lapsed, its agents get no offers and nothing of theirs is given up, for 30 s; then
\`session.ended\` gives its open offers back at no cost, and its work has the whole time to come back. After an **outage** of the log the
scheduler appends \`deadline.extended\` to what is open before it gives up anything. And where a great part of what is open falls due at
once, the *breaker* trips: that is rather a fault of ours than of so many agents, so nothing is given up for a while, and it says so. Two dispatchers or two schedulers at once break
nothing: the log keeps the first of two equal decisions, and the fold judges the rest.

## The jobs of a run

A job without needs is born queued, or held; the others wait until what they need has ended, and are \`skipped\` where it ended otherwise than they
accept (\`success\` unless they say more). A need of a matrix means all that it made. A job that an agent's fresh evaluation no longer has
is \`drift_dropped\`, unless it began. When all have ended the run is completed: failed beats cancelled, a stale job counts as failed.
`;

export const lifecycleIntroduction: readonly Section[] = [
  opening,
  offers,
  deadlines,
  approvals,
  ends,
];
