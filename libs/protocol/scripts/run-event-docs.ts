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
    fold: 'Makes the run `pending` and its jobs: without needs `queued`, or `held` where they have to be approved; else `pending`. A second one, or one of another run, is void; so is everything before it.',
  },
  'run.completed': {
    what: 'The run is over. Closes the record, with everything derived.',
    by: 'dispatcher, once all jobs have ended',
    fold: 'Ends the run with the outcome of its jobs. Void while a job is open, or with another outcome. Everything after it is void.',
  },
  'job.queued': {
    what: 'The needs of the job are met.',
    by: 'dispatcher',
    fold: 'Queues a pending job whose needs are met, or holds it where it has to be approved; else void.',
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
  'approval.resolved': {
    what: 'An approval ends: as people have said, or because nobody said enough in time.',
    by: 'dispatcher, as the votes say, and once more to an agent that asks again on a later session; scheduler, behind its time',
    fold: 'Ends the approval, once. The clock of the job’s own limit goes on with the last that was open. A held job is queued, or fails as `approval_rejected` or `approval_expired`. Void with another outcome than the votes say, as `expired` before its time, and where nobody asks any more.',
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
    fold: `Moves the attempt to the new session. What it asked people for on the old one is withdrawn, unless it says that it still waits. ${takesUp} Void for another agent or a session that is not newer.`,
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
    what: 'A step waits for people, or the job as a whole. The body is the frame `step.approval-request` or `job.approval-request`.',
    by: fromAgent,
    fold: `Opens an approval. The job’s own limit stands still until every one is resolved. Asked once more on a later session, it is the same request: its outcome is told again. ${takesUp}`,
  },
  'approval.answered': {
    what: 'A person says yes or no to an open approval.',
    by: 'api',
    fold: 'Counts the vote. Void for an approval that is not open, of somebody who was not asked, and a second time.',
  },
  'usage.reported': {
    what: 'Model calls, tool calls, memory operations and retrievals, with their tokens and what the provider billed. The body is the frame `usage.report`.',
    by: fromAgent,
    fold: `Adds to the sums of the job, whichever attempt used it and whatever has become of the work; behind the end of the run it counts apart from the record. Void for an attempt that the agent never had. ${takesUp}`,
  },
  'conversation.reported': {
    what: 'A conversation with a model began or ended. The body is the frame `conversation.status`.',
    by: fromAgent,
    fold: takesUp,
  },
  'context.reported': {
    what: 'What the context of a model was made of. The body is the frame `context.bundle`.',
    by: fromAgent,
    fold: takesUp,
  },
  'workspace.reported': {
    what: 'A workspace that the job reads or changes. The body is the frame `workspace.ref`.',
    by: fromAgent,
    fold: takesUp,
  },
  'event.emitted': {
    what: 'A step has emitted an event, which is stored as a trigger of its own.',
    by: 'agent-gateway, once that trigger is stored',
    fold: takesUp,
  },
  'artifact.stored': {
    what: 'An artifact was uploaded, and is what its agent said.',
    by: 'agent-gateway, once size and hash are verified',
    fold: `Remembers it, the first thousand of a job. ${takesUp}`,
  },
  'provenance.stored': {
    what: 'An attestation was uploaded.',
    by: 'agent-gateway, once it is in the store',
    fold: takesUp,
  },
  'cache.stored': {
    what: 'A cache was uploaded; its key is taken from now on.',
    by: 'agent-gateway, once size and hash are verified',
    fold: takesUp,
  },
  'cache.restored': {
    what: 'The agent asked for a cache, and was given one or none.',
    by: 'agent-gateway',
    fold: takesUp,
  },
  'concurrency.reported': {
    what: 'The job says to which concurrency group it belongs, and was told to go on or to end.',
    by: 'agent-gateway',
    fold: takesUp,
  },
  'run.event': {
    what: 'Something that agents of the protocol tell beside it, as `agent.execution.start`.',
    by: fromAgent,
    fold: takesUp,
  },
  'job.context': {
    what: 'Where the agent runs the job. The values of its environment are redacted before this is stored.',
    by: fromAgent,
    fold: takesUp,
  },
};
