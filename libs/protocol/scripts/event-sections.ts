/** The sections of docs/events.md about what is stored: every type of event with its fields, who appends it and what it does. */
import { type AgentEventType, agentEventBodies } from '../src/agent-event.ts';
import { isDecision, isRunEventType, type RunEventType, runEventBodies } from '../src/run-event.ts';
import { TriggerDecided } from '../src/trigger.ts';
import { fieldsOf, type Schema } from '../src/wire/schema-tree.ts';
import { type Section, table } from './markdown.ts';
import { descriptionOf, fieldTable, partsOf, titleOf } from './wire-table.ts';

type Doc = Readonly<{ what: string; by: string; fold: string }>;

const fromAgent = 'agent-gateway, from the session that the offer names';
const takesUp =
  'As every word of the attempt but a reject, it accepts the offer and shows that a recovering job is not lost.';

const runDocs: Readonly<Record<RunEventType, Doc>> = {
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
    fold: 'Opens the next attempt of a queued job. Void with another attempt number, or a fence that is not above the last one and below its own sequence.',
  },
  'job.expired': {
    what: 'Nobody answered the offer in time.',
    by: 'scheduler; the gateway then closes the session with 4031',
    fold: 'Resolves the offer as `expired` and queues the job again, or fails it as `offers_exhausted` where the budget is spent. Void unless its own time is after the deadline and the attempt is unanswered.',
  },
  'job.lost': {
    what: 'The agent did not come back with the job in time.',
    by: 'scheduler',
    fold: 'Fails a recovering job as `agent_lost`. Void unless its own time is after the recovery time.',
  },
  'job.stale': {
    what: 'The job was silent for too long.',
    by: 'scheduler, after it read the last heartbeat',
    fold: 'Ends a running job as `timed_out_stale`. Void unless its own time is too long after both the last fact of the attempt and the heartbeat that it names.',
  },
  'deadline.extended': {
    what: 'The deadline of an offer moves, because Waybill could not have heard an answer.',
    by: 'scheduler, after an outage of the log',
    fold: 'Moves the deadline of an unanswered offer, never back.',
  },
  'job.ack': {
    what: 'The agent takes the job.',
    by: fromAgent,
    fold: `The job is \`running\`. ${takesUp}`,
  },
  'job.reject': {
    what: 'The agent does not take the job.',
    by: fromAgent,
    fold: 'Resolves the offer as `rejected`; the job is queued again after a backoff, or failed where the budget is spent. Void once the offer is accepted.',
  },
  'job.status': {
    what: 'The agent reports a state of the job.',
    by: fromAgent,
    fold: `A terminal state ends the job, with its outputs or its reason; \`cancelling\` is kept; every other says only that it runs. Jobs that it drops end as \`drift_dropped\`, unless they began. ${takesUp}`,
  },
  'step.status': {
    what: 'The agent reports a state of a step.',
    by: fromAgent,
    fold: `Keeps the step by its index and kind; one that ended does not change. ${takesUp}`,
  },
  'agent.lost': {
    what: 'The socket of the session that holds the attempt is gone.',
    by: 'agent-gateway',
    fold: 'An unanswered offer stays open to its deadline, a running job is `recovering`. With `scalerManaged`, the offer is `withdrawn` and a job that began fails as `agent_lost`.',
  },
  'agent.resumed': {
    what: 'The agent is back on a newer session, with the job in hand.',
    by: 'agent-gateway',
    fold: `Moves the attempt to the new session. ${takesUp} Void for another agent or a session that is not newer.`,
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
};

const agentDocs: Readonly<Record<AgentEventType, readonly [what: string, fold: string]>> = {
  registered: [
    'The agent registered. Its sequence is the session. The body is the frame as it came.',
    'Opens the session and ends the one before it.',
  ],
  status: [
    'How busy the agent says it is. The body is the frame as it came.',
    'Kept as its last word; what it holds is counted from runs.',
  ],
  config_acked: [
    'The agent confirmed its configuration. The body is the frame as it came.',
    'Changes nothing.',
  ],
  disconnected: ['The session ended.', 'Closes the session: it gets no offers.'],
  violation: ['The agent did something against the protocol.', 'Changes nothing; touches no run.'],
};

const runTypes = Object.keys(runEventBodies).filter(isRunEventType);
const agentTypes = Object.entries(agentEventBodies);

const fieldsTable = (schema: Schema): string =>
  fieldsOf(schema).size === 0
    ? 'The fold reads no field of it: the body is the frame as it came.'
    : fieldTable(schema);

const runEvents: Section = () => {
  const rows = runTypes.map((type) => [
    `[${type}](#${type.replace('.', '')})`,
    kindOf(type),
    runDocs[type].what,
  ]);
  const sections = runTypes.map((type) => {
    const { what, by, fold } = runDocs[type];
    const place = type === 'job.offered' ? '`to.<agent>.offered`' : `\`${type}\``;
    return `### ${type}\n\n${what}\n\n- A ${kindOf(type)}, at ${place}.\n- Appended by: ${by}.\n- The fold: ${fold}\n\n${fieldsTable(runEventBodies[type])}`;
  });
  const intro =
    'In `WB_RUNS`. Of an agent’s frame the table names only what the fold reads; it is stored as it came.';
  return `## Events of a run\n\n${intro}\n\n${table(['event', 'kind', 'says'], rows)}\n\n${sections.join('\n\n')}`;
};

const kindOf = (type: RunEventType): string => (isDecision(type) ? 'decision' : 'fact');

const triggerEvents: Section = () => `
## Events of a trigger

In \`WB_TRIGGERS\`. A trigger has at most one of each.

### trigger.received

A producer’s message as it came, with what is known of it in headers. Appended by the api and answered 2xx only once it is stored. It
expects that nothing lies on its subject, so a repeat, years later too, meets the original. A run that somebody asks for directly is a
trigger too: source \`api\`, kind \`manual\`, the request as its body, its secrets sealed.

### trigger.decided

The one decision about a trigger, with pinned generations and the ids of its runs. Appended by the dispatcher, which expects the
sequence of \`received\`. Runs are created after it, and whoever finds one missing creates it. One that names another trigger or
another trigger’s run is unreadable.

${fieldTable(TriggerDecided)}
`;

const agentEvents: Section = () => {
  const sections = agentTypes.map(([type, schema]) => {
    const [what, fold] = agentDocs[type as AgentEventType]; // the table’s own keys
    return `### agent.${type}\n\n${what} ${fold}\n\n${fieldsTable(schema)}`;
  });
  return `## Events of an agent\n\nFacts in \`WB_AGENTS\`, appended by gateways, never about runs.\n\n${sections.join('\n\n')}`;
};

const otherMessages: Section = () => `
## Other stored messages

- **Log chunks** and **heartbeats** are the agent’s frames as they came ([log.chunk](protocol.md#logchunk),
  [job.heartbeat](protocol.md#jobheartbeat)), in the envelope of a fact.
- **Rules** in \`WB_CONFIG\` are \`{ generation, rule }\`, appended by the api with an expectation on their own subject.
- **Dead letters** in \`WB_DEAD\` say which message of which stream could not be read, and why, never what it held.
`;

const objects: Section = () => {
  const parts = partsOf([
    ...Object.values(runEventBodies),
    TriggerDecided,
    ...Object.values(agentEventBodies),
  ]);
  const sections = parts.map(
    (part) => `### ${titleOf(part)}\n\n${descriptionOf(part)}\n\n${fieldTable(part)}`,
  );
  return `## Objects inside events\n\n${sections.join('\n\n')}`;
};

export const eventSections: readonly Section[] = [
  runEvents,
  triggerEvents,
  agentEvents,
  otherMessages,
  objects,
];
