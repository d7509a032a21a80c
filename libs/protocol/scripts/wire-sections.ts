/** The sections of docs/protocol.md about the wire: what agent authors build against. */
import { wireCloseCodes } from '../src/wire/close-code.ts';
import {
  typeOf,
  type WireDirection,
  type WireMessageSchema,
  wireMessages,
} from '../src/wire/direction.ts';
import { wireLimits } from '../src/wire/limits.ts';
import { ruleCondition, rulesOf, type WireRule } from '../src/wire/rule.ts';
import { type Schema, unwrap } from '../src/wire/schema-tree.ts';
import { type Section, table } from './markdown.ts';
import { descriptionOf, fieldTable, originOf, partsOf, titleOf } from './wire-table.ts';

const introduction: Section = () => `
# The agent protocol

<!-- Generated from libs/protocol by \`npm run generate\`. Edit the schemas, not this page. -->

An agent opens a WebSocket to \`ws(s)://HOST:PORT/ws\` and exchanges JSON text frames, one message a
frame. Every message is an object with a \`type\`. A message belongs to one direction; sent the other
way it is invalid. Fields that this page does not name are kept and ignored, on every level.

The JSON Schemas of all this (draft 2020-12) are in \`libs/protocol/schemas\`: one for each direction
and one for each message.

Marks in the tables:

- **Secret**: sealed before it is stored, and never shown. \`x-secret\` in the JSON Schemas.
- **Observed**: not in the published field tables, but existing agents send or understand it.
  \`x-origin: observed\`.
- **Extension**: an addition of Waybill. Announced in \`register.ack\`; an agent may ignore all of
  them and works unchanged. \`x-origin: extension\`.
`;

const conversation: Section = () => `
## The conversation

1. With a token, the agent sends \`auth.request\` and gets \`auth.success\`, or \`auth.failure\` and
   close code 4010. Without one it starts with the next step. It has 10 s.
2. The agent sends \`agent.register\` and gets \`register.ack\`. It has 10 s. It lists what it still
   runs in \`inFlightJobs\`. Then it sends \`config.ack\`.
3. A \`job.dispatch\` is answered with \`job.ack\` or \`job.reject\` before its deadline, 10 s unless
   the organisation says otherwise. Without an answer the job is offered elsewhere and the socket is
   closed with 4031. Any report about the job counts as an ack.
4. While a job runs the agent sends \`job.status\`, \`step.status\`, \`log.chunk\` and, every 60 s,
   \`job.heartbeat\`. A job that is not heard of for 120 s is stale. The last lines of a step may
   follow its terminal status, but come before that of the job.
5. A terminal \`job.status\` (\`success\`, \`failed\`, \`cancelled\` …) ends the job. A repeated or late
   one changes nothing.

An agent that knows only the published protocol gets each attempt under a \`jobId\` of its own, so a
late report of an old attempt never ends a newer one. Such an agent may run a job twice when the
network fails at the wrong moment: execution is at least once, results are fenced.

### With the extensions

\`register.ack\` announces them; an agent says in \`agent.register\` which it follows. Such an agent
repeats the \`attempt\` and \`fence\` of its dispatch in every report; starts nothing before
\`job.granted\`; stops a job when the \`leaseMs\` of its last \`job.heartbeat.ack\` run out; and keeps a
terminal \`job.status\` until \`job.status.ack\` names its \`messageId\`.

### What a bad frame gets

| frame | answer |
| --- | --- |
| not JSON, not an object, of the wrong direction, nested deeper than ${wireLimits.frameDepthMax}, or not fitting its schema | an \`error\` frame, then close code 4003 |
| of a type that nobody defined | an \`error\` frame; the socket stays open |
| larger than ${wireLimits.frameBytesMax.toLocaleString('en-US')} bytes, or than the server's own limit | close code 1009 |

An \`error\` frame names places and expectations, never what was sent.
`;

const directions = ['agent', 'orchestrator', 'upstream'] as const;

const titles: Readonly<Record<WireDirection, readonly [string, string]>> = {
  agent: ['From the agent', 'agent → orchestrator'],
  orchestrator: ['To the agent', 'orchestrator → agent'],
  upstream: ['Upstream', 'orchestrator → upstream'],
};

const messagesOf =
  (direction: WireDirection): Section =>
  () => {
    const [title, way] = titles[direction];
    const own = wireMessages[direction].filter((schema) => !isShared(schema));
    return `## ${title}\n\n${own.map((schema) => messageSection(schema, way)).join('\n\n')}`;
  };

const sharedMessages: Section = () => {
  const shared = wireMessages.agent.filter(isShared);
  const sections = shared.map((schema) => messageSection(schema, 'agent ↔ orchestrator'));
  return `## Both ways\n\n${sections.join('\n\n')}`;
};

const isShared = (schema: WireMessageSchema): boolean =>
  wireMessages.agent.includes(schema) && wireMessages.orchestrator.includes(schema);

function messageSection(schema: WireMessageSchema, way: string): string {
  const origin = originOf(schema);
  const intro = `${origin}${descriptionOf(schema)}`;
  return `### ${typeOf(schema)}\n\n${way}. ${intro}\n\n${fieldTable(schema)}${ruleList(schema)}`;
}

function ruleList(schema: Schema): string {
  const rules = rulesOf(unwrap(schema));
  if (rules.length === 0) return '';
  return `\n\nAlso:\n\n${rules.map((rule) => `- ${rule.statement} (\`${rule.id}\`)`).join('\n')}`;
}

const everyMessage = (): readonly Schema[] => Object.values(wireMessages).flat();

const objects: Section = () => {
  const sections = partsOf(everyMessage()).map(
    (part) =>
      `### ${titleOf(part)}\n\n${descriptionOf(part)}\n\n${fieldTable(part)}${ruleList(part)}`,
  );
  return `## Objects inside messages\n\n${sections.join('\n\n')}`;
};

const rules: Section = () => {
  const rows = new Map<string, readonly string[]>();
  for (const schema of [...new Set(everyMessage()), ...partsOf(everyMessage())]) {
    for (const rule of rulesOf(unwrap(schema))) {
      rows.set(rule.id, [`\`${rule.id}\``, titleOf(schema), rule.statement, saidBy(rule)]);
    }
  }
  const head = ['rule', 'where', 'what must hold', 'in the JSON Schemas'];
  return `## Rules between fields\n\n${table(head, [...rows.values()])}`;
};

const saidBy = (rule: WireRule): string => {
  if (ruleCondition(rule) !== null) return 'yes';
  return 'reason' in rule ? `no: ${rule.reason}` : 'no';
};

const limits: Section = () => {
  const rows = Object.entries(wireLimits).map(([name, limit]) => [
    `\`${name}\``,
    limit.toLocaleString('en-US'),
  ]);
  return `## Limits\n\nCharacters are UTF-16 code units.\n\n${table(['limit', 'value'], rows)}`;
};

const closeCodes: Section = () => {
  const rows = Object.values(wireCloseCodes).map((code) => [
    `${code.code}`,
    code.name,
    code.meaning,
    code.reaction,
    code.sent ? 'yes' : 'no',
  ]);
  const head = ['code', 'name', 'meaning', 'what existing agents do', 'sent by Waybill'];
  return `## Close codes\n\n${table(head, rows)}`;
};

const contents: Section = () => {
  const list = (direction: WireDirection): string =>
    wireMessages[direction]
      .filter((schema) => !isShared(schema))
      .map((schema) => `[${typeOf(schema)}](#${typeOf(schema).replaceAll('.', '')})`)
      .join(' · ');
  const lines = directions.map((direction) => `- ${titles[direction][0]}: ${list(direction)}`);
  return `## Contents\n\n${lines.join('\n')}`;
};

export const wireSections: readonly Section[] = [
  introduction,
  contents,
  conversation,
  sharedMessages,
  messagesOf('agent'),
  messagesOf('orchestrator'),
  messagesOf('upstream'),
  objects,
  rules,
  limits,
  closeCodes,
];
