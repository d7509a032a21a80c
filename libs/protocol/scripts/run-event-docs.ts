/** What every event of a run says, who appends it, and what the fold makes of it: the words of docs/events.md. */
import type { RunEventType } from '../src/run-event.ts';

type Doc = Readonly<{ what: string; by: string; fold: string }>;

const fromAgent = 'agent-gateway, from the session that the offer names';
const takesUp =
  'As every word of the attempt but a reject, it accepts the offer and shows that a recovering job is not lost.';

export const runDocs: Readonly<Record<RunEventType, Doc>> = {
  'run.created': {
    what: 'The run exists. It carries copies of everything that the fold will need.',
    by: 'dispatcher, once the trigger is decided; whoever finds it missing',
    fold: 'Makes the run `pending` and its jobs: `queued` without needs, else `pending`. A second one, or one of another run, is void; so is everything before it.',
  },
  'run.completed': {
    what: 'The run is over. Closes the record, with everything derived.',
    by: 'dispatcher, once all jobs have ended',
    fold: 'Ends the run with the outcome of its jobs. Void while a job is open, or with another outcome. Everything after it is void.',
  },
  'job.queued': {
    what: 'The needs of the job are met.',
    by: 'dispatcher',
    fold: 'Queues a pending job whose needs are met, else void.',
  },
  'job.skipped': {
    what: 'What the job needs has ended otherwise.',
    by: 'dispatcher',
    fold: 'Ends a pending job as `skipped` if its needs cannot be met any more, else void.',
  },
  'job.offered': {
    what: 'The job is offered to one session of one agent. Its deadline begins at the time of this event.',
    by: 'dispatcher; a gateway sends it only after it has folded the run up to it',
    fold: 'Opens the next attempt of a queued job. Void with another attempt number, with a fence that is not above the last one and below its own sequence, or before the lease of an agent that was given up is surely over.',
  },
  'job.expired': {
    what: 'Nobody answered the offer in time.',
    by: 'scheduler; the gateway then closes the session with 4031',
    fold: 'Resolves the offer as `expired` and queues the job again; where the budget is spent it fails as `offers_exhausted`, and where somebody cancelled it, it is `cancelled`. Void unless its own time is after the deadline and the attempt is unanswered.',
  },
  'job.lost': {
    what: 'The agent did not come back with the job in time.',
    by: 'scheduler',
    fold: 'Fails a recovering job as `agent_lost`, or queues it again where its `retries` say so. Void unless its own time is after the recovery time.',
  },
  'job.stale': {
    what: 'The job was silent for too long.',
    by: 'scheduler, after it read the last heartbeat',
    fold: 'Ends a running job as `timed_out_stale`, or queues it again where its `retries` say so; one that was told to stop ends as that was meant. Void unless its own time is too long after both the last fact of the attempt and the heartbeat that it names, and void when it was read more than 10 s before: heartbeats lie in another stream, and no expectation tells of one that came after the look.',
  },
  'job.cancel': {
    what: 'The agent is told to stop; what does not stop in time is told again, with force.',
    by: 'dispatcher, because somebody cancelled the job or a sibling failed; scheduler, at the job’s own limit, and with force when the grace is over',
    fold: 'Withdraws an unanswered offer, which ends the job as `cancelled`; else the job is `cancelling`. Void a second time, unless with force where there was none; with `job_timeout` void before the job’s own limit.',
  },
  'job.cancelled': {
    what: 'A job that no agent has is cancelled; or one whose agent did not even stop when it was forced is given up.',
    by: 'dispatcher, without an attempt; scheduler, with one',
    fold: 'Without an attempt it ends a job that waits; with one it ends a job that was told to stop with force, once its own time is after that grace. Else void.',
  },
  'job.timed_out': {
    what: 'The job waited for an agent for longer than it may.',
    by: 'scheduler',
    fold: 'Fails a queued job as `queue_timeout`. Void unless its own time is after the limit. Offers that come to nothing do not begin the wait anew.',
  },
  'session.ended': {
    what: 'The gateway that held the session is gone for good.',
    by: 'scheduler, when the gateway’s lease has been lapsed for 30 s',
    fold: 'Withdraws an unanswered offer at no cost to the budget and queues the job again; a running job is `recovering`. Void for another session.',
  },
  'deadline.extended': {
    what: 'A deadline moves, because Waybill could not have heard an answer.',
    by: 'scheduler, after an outage of the log',
    fold: 'Moves the deadline of an unanswered offer, or the recovery time of a lost agent, never back.',
  },
  'job.ack': {
    what: 'The agent takes the job.',
    by: fromAgent,
    fold: `The job is \`running\`. ${takesUp}`,
  },
  'job.reject': {
    what: 'The agent does not take the job.',
    by: fromAgent,
    fold: 'Resolves the offer as `rejected`; the job is queued again after a backoff, or failed where the budget is spent. `busy` costs nothing where the offer’s `room` is `assumed`. Void once the offer is accepted.',
  },
  'job.status': {
    what: 'The agent reports a state of the job.',
    by: fromAgent,
    fold: `A terminal state ends the job, with its outputs or its reason; one that failed is queued again where its \`retries\` say so; \`cancelling\` is kept; every other says only that it runs. Jobs that it drops end as \`drift_dropped\`, unless they began. ${takesUp}`,
  },
  'step.status': {
    what: 'The agent reports a state of a step.',
    by: fromAgent,
    fold: `Keeps the step by its index and kind; one that ended does not change. ${takesUp}`,
  },
  'job.unsent': {
    what: 'The frame of an offer cannot be made: its secrets do not open, or it does not fit the protocol or the limit of a frame. The agent got nothing.',
    by: 'agent-gateway',
    fold: 'Withdraws the offer at no cost and fails the job with the cause; one that somebody cancelled is `cancelled`. Void once the offer is resolved.',
  },
  'agent.lost': {
    what: 'The socket of the session that holds the attempt is gone.',
    by: 'agent-gateway',
    fold: 'An unanswered offer stays open to its deadline, a running job is `recovering`. With `scalerManaged`, the offer is `withdrawn` and a job that began fails as `agent_lost`. One that was told to stop stays `cancelling`.',
  },
  'agent.resumed': {
    what: 'The agent is back on a newer session, with the job in hand.',
    by: 'agent-gateway',
    fold: `Moves the attempt to the new session; what it waited for on the old one is over. ${takesUp} Void for another agent or a session that is not newer.`,
  },
  'agent.absent': {
    what: 'The agent is back on a newer session, without the job.',
    by: 'agent-gateway',
    fold: 'Resolves an unanswered offer as `withdrawn`; a job that began fails as `agent_lost`. Void for another agent or a session that is not newer.',
  },
  'agent.heard': {
    what: 'The first word of the attempt was a log line or a heartbeat, which lie in streams of their own.',
    by: 'agent-gateway',
    fold: `The job is \`running\`. ${takesUp}`,
  },
  'cancel.requested': {
    what: 'A person asks for the end of a run, or of some of its jobs.',
    by: 'api',
    fold: 'Ends at once, as `cancelled`, what no agent has. Every other job that is meant keeps the wish: it is told to stop, and is not queued again. Without `jobIds` the run is `cancelling`. Void where nothing that is meant is open, or all of it is cancelled already with as much force.',
  },
  'approval.requested': {
    what: 'A step waits for people. The body is the frame `step.approval-request`.',
    by: fromAgent,
    fold: `The job’s own limit stands still until every request is answered. ${takesUp}`,
  },
  'approval.answered': {
    what: 'A request for approval is answered, or nobody answered it in time.',
    by: 'api',
    fold: 'The clock of the job’s own limit goes on with the last open request. Void for a request that is not open.',
  },
};
