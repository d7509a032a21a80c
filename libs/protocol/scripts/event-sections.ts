/** The sections of docs/events.md about what is stored: every type of event with its fields, who appends it and what it does. */
import { type AgentEventType, agentEventBodies } from '../src/agent-event.ts';
import { EmittedEvent } from '../src/emitted-event.ts';
import { OrgSettingsGeneration } from '../src/org-settings.ts';
import {
  isAddressed,
  isDecision,
  isRunEventType,
  lastWordOf,
  mayLackAddressee,
  type RunEventType,
  runEventBodies,
} from '../src/run-event.ts';
import { TriggerDecided } from '../src/trigger.ts';
import { fieldsOf, type Schema } from '../src/wire/schema-tree.ts';
import { type Section, table } from './markdown.ts';
import { runDocs } from './run-event-docs.ts';
import { descriptionOf, fieldTable, partsOf, titleOf } from './wire-table.ts';

const agentDocs: Readonly<Record<AgentEventType, readonly [what: string, fold: string]>> = {
  spawned: [
    'A scaler is about to start the process of this agent. Appended by the scaler, before it does.',
    'Opens no session. Until the agent registers, gateways know that jobs are meant for it, and scalers that it is on its way.',
  ],
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
  present: [
    'The session is still there, said again every day: what keeps its place in a stream of bounded age. The body is that of its registration.',
    'Opens the session again for who did not see it registered; changes nothing else.',
  ],
  draining: [
    'A person says that the agent is to get no more offers, or is to get them again. Appended by the api.',
    'Kept for the agent, whatever its sessions do.',
  ],
  disconnected: ['The session ended.', 'Closes the session: it gets no offers.'],
  violation: ['The agent did something against the protocol.', 'Changes nothing; touches no run.'],
  logs_requested: [
    'A person asks for the agent’s own logs. Appended by the api.',
    'The gateway that holds the agent asks it for them.',
  ],
  logs_collected: ['The archive of the agent’s logs is stored.', 'Answers whoever asked.'],
  logs_failed: ['There is no archive of the agent’s logs.', 'Answers whoever asked.'],
};

const runTypes = Object.keys(runEventBodies).filter(isRunEventType);
const agentTypes = Object.entries(agentEventBodies);

const fieldsTable = (schema: Schema): string =>
  fieldsOf(schema).size === 0
    ? 'The fold reads no field of it: the body is the frame as it came.'
    : fieldTable(schema);

const runEvents: Section = () => {
  const rows = runTypes.map((type) => [
    `[${type}](#${type.replaceAll('.', '')})`,
    kindOf(type),
    runDocs[type].what,
  ]);
  const sections = runTypes.map((type) => {
    const { what, by, fold } = runDocs[type];
    const place = [
      ...(isAddressed(type) ? [`\`to.<agent>.${lastWordOf(type)}\``] : []),
      ...(isAddressed(type) && !mayLackAddressee(type) ? [] : [`\`${type}\``]),
    ].join(', or without an agent at ');
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
trigger too: source \`api\`, kind \`manual\`, the request as its body, its secrets sealed. So is an event that a step emits: source and
kind \`upstream\`, appended by the gateway, with \`wb-chain-depth\` and \`wb-trust\` among its headers. Its body is what \`\${{ event.… }}\`
of a rule reads:

${fieldTable(EmittedEvent)}

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
  return `## Events of an agent\n\nFacts in \`WB_AGENTS\`, appended by gateways and, for people, by the api; never about runs.\n\n${sections.join('\n\n')}`;
};

const otherMessages: Section = () => `
## Other stored messages

- **Log chunks** and **heartbeats** are the agent’s frames as they came ([log.chunk](protocol.md#logchunk),
  [job.heartbeat](protocol.md#jobheartbeat)), in the envelope of a fact.
- **Rules** in \`WB_CONFIG\` are \`{ generation, rule }\`, appended by the api with an expectation on their own subject.
- **Settings of an org** in \`WB_CONFIG\` are \`{ generation, settings }\`, appended likewise. The dispatcher writes what they say into each
  offer, so offers that are open keep theirs.
- **Dead letters** in \`WB_DEAD\` say which message of which stream could not be read, and why, never what it held.
`;

const objects: Section = () => {
  const parts = partsOf([
    ...Object.values(runEventBodies),
    TriggerDecided,
    EmittedEvent,
    ...Object.values(agentEventBodies),
    OrgSettingsGeneration,
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
