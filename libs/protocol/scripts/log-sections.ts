/** The sections of docs/events.md about the log itself: its streams, its subjects and the envelope around every message. */
import { SCHEMA_VERSION } from '../src/envelope.ts';
import { type StreamSpec, streams } from '../src/streams.ts';
import { subjects } from '../src/subjects.ts';
import { type Section, table } from './markdown.ts';

const introduction: Section = () => `
# The stored events

<!-- Generated from libs/protocol by \`npm run generate\`. Edit the schemas, not this page. -->

Everything that Waybill knows lies in streams of NATS JetStream, as events that are never changed. This page says which streams and
subjects there are, what stands around every message, what every event means, and what the one fold makes of it. The messages between
orchestrator and agents have [a page of their own](protocol.md); words are explained in [terminology](terminology.md), what always
holds in [invariants](invariants.md).

An event is a **decision** or a **fact**. A decision is something that Waybill chose; the dispatcher and the scheduler append it, with
the expected last sequence over all of the run's subjects. A fact is something that happened outside; it is appended without any
expectation and never refused for being late or odd. The fold **judges** every event, decisions and facts alike, by its place in the
run's order: what is illegal, late, repeated or foreign there is void, changes nothing, and is counted as an anomaly. So whoever acts
on a decision folds the run up to it first.

Bodies are JSON. Fields that this page does not name are kept and ignored. Types and optional fields are added, never changed.
`;

const streamTable: Section = () => {
  const rows = Object.values(streams).map((stream) => [
    `\`${stream.name}\``,
    stream.subjects.map((subject) => `\`${subject}\``).join(', '),
    stream.description,
    kept(stream),
  ]);
  const { republish } = streams.WB_RUNS;
  const copies =
    republish === undefined
      ? ''
      : `\n\nStored messages of \`${republish.src}\` are also published to \`${republish.dest}\`, for readers that may lose some.`;
  return `## Streams\n\n${table(['stream', 'subjects', 'holds', 'keeps'], rows)}${copies}`;
};

function kept({ keeps, maxAgeMs, maxBytes }: StreamSpec): string {
  if (keeps === 'all')
    return 'everything: deletes and purges are refused, a full stream refuses new messages';
  const age = maxAgeMs === undefined ? '' : `${maxAgeMs / 86_400_000} days`;
  const size = maxBytes === undefined ? '' : `${maxBytes / 1024 ** 3} GiB`;
  return [age, size].filter((each) => each !== '').join(', at most ');
}

const TRIGGER = '7wvnkt3sknmvqrvqxjcrr1rntg';
const RUN = `${TRIGGER}-0`;

/** Every subject with an example that its builder made. */
export const subjectTree: readonly (readonly [
  pattern: string,
  example: string,
  meaning: string,
])[] = [
  [
    'trigger.<shard>.<org>.<source>.<triggerId>.received',
    subjects.trigger('main', 'github', TRIGGER, 'received'),
    'A trigger as it came.',
  ],
  [
    'trigger.<shard>.<org>.<source>.<triggerId>.decided',
    subjects.trigger('main', 'github', TRIGGER, 'decided'),
    'The one decision about it.',
  ],
  [
    'run.<shard>.<org>.<runId>.<entity>.<event>',
    subjects.run('main', RUN, 'job.ack'),
    'A decision or a fact about a run.',
  ],
  [
    'run.<shard>.<org>.<runId>.to.<agent>.offered',
    subjects.runTo('main', RUN, 'builder-1', 'offered'),
    'An offer, addressed to an agent.',
  ],
  [
    'run.<shard>.<org>.<runId>.to.<agent>.cancel',
    subjects.runTo('main', RUN, 'builder-1', 'cancel'),
    'A stop, addressed to an agent.',
  ],
  [
    'heartbeat.<shard>.<org>.<runId>.<jobId>',
    subjects.heartbeat('main', RUN, `${RUN}-1`),
    'A heartbeat of a job, as its frame came.',
  ],
  [
    'log.<shard>.<org>.<runId>.<jobId>',
    subjects.log('main', RUN, `${RUN}-1`),
    'Lines that a job printed, as their frame came.',
  ],
  [
    'agentlog.<shard>.<org>.<agent>',
    subjects.agentLog('main', 'builder-1.example.net'),
    'Operational lines of an agent.',
  ],
  [
    'agent.<shard>.<org>.<agent>.<event>',
    subjects.agent('main', 'builder-1', 'registered'),
    'What is known of an agent.',
  ],
  [
    'config.<org>.<kind>.<name>',
    subjects.config('main', 'rule', 'ci'),
    'A generation of a rule or a setting.',
  ],
  [
    'gate.<shard>.<org>.<kind>.<key>',
    subjects.gate('main', 'dedupe', 'push-main'),
    'A constraint across runs; not used yet.',
  ],
  ['dead.<org>.<origin>', subjects.dead('main', 'wb_runs'), 'A report of what could not be read.'],
];

const subjectTable: Section = () => `
## Subjects

All begin with \`wb.v1.\`. Tokens are 1 to 64 of \`A-Z a-z 0-9 _ -\`. \`<shard>\` is the first two hex digits of the SHA-256 of the org,
so that a partition is a filter. \`<agent>\` is the agent's id where it fits a token, else \`h_\` and 26 digits of a hash; the body has it
as it is. A trigger's id is the first 26 Crockford base-32 digits of the SHA-256 of the JSON list of org, source and delivery id; its
runs are \`<triggerId>-<index>\`, their jobs \`<runId>-<index>\`. Names are added, never changed.

${table(
  ['subject, after `wb.v1.`', 'holds', 'for example'],
  subjectTree.map(([pattern, example, meaning]) => [`\`${pattern}\``, meaning, `\`${example}\``]),
)}
`;

/** Every header that drafts have; a spec keeps it complete. */
export const headerTable: readonly (readonly [name: string, meaning: string])[] = [
  ['ce-specversion', 'Always `1.0`: the attributes are those of CloudEvents.'],
  [
    'ce-id',
    'The event’s id; the fold ignores one that it has seen in the run. A decision’s is made of what it decides and the sequence it expects, a fact’s of its session and the number of the frame, or the `messageId` where the agent says it again until it is acknowledged.',
  ],
  ['ce-source', 'Who appended it, as `/waybill/dispatcher`.'],
  ['ce-type', 'The type of the event, as `job.offered`. What counts is the subject.'],
  [
    'wb-version',
    `The schema version, ${SCHEMA_VERSION}. A reader that meets a newer one stops, not ready, and names it.`,
  ],
  ['wb-run', 'The run.'],
  ['wb-job', 'The job, without the attempt: the frame inside may have the wire’s id.'],
  ['wb-attempt', 'The attempt at the job.'],
  ['wb-fence', 'The fence of the attempt: the sequence that its offer expected.'],
  ['wb-agent', 'The agent, as it calls itself.'],
  ['wb-session', 'The session: the sequence of the agent’s `registered` event.'],
  [
    'wb-epoch',
    'Of a decision: the epoch of the lease under which it was made, for people who look for the decider.',
  ],
  ['wb-causation', 'The id of the event that led to this one.'],
  ['wb-request-id', 'The request that all this goes back to.'],
  ['traceparent', 'The trace that it belongs to (W3C Trace Context).'],
  ['wb-kind', 'Of a trigger: `webhook`, `manual`, `schedule` or `upstream`.'],
  ['wb-event', 'Of a trigger: the producer’s name of what happened.'],
  ['wb-delivery', 'Of a trigger: the producer’s id of this one message.'],
  [
    'wb-digest',
    'Of a trigger: a keyed digest of the body as it came, to tell a repeat from another message under the same id.',
  ],
  ['wb-http-…', 'Of a trigger: what was kept of the request’s headers, by an allow-list.'],
  ['wb-gateway', 'Of an agent’s event: the gateway that held its socket.'],
  [
    'wb-scaler-managed',
    'Of a session: `1` where a scaler made the agent, which does not come back.',
  ],
];

const envelope: Section = () => `
## The envelope

The stored body is the message as it came. What Waybill knows of it stands in headers. A value that is not printable ASCII, or has
\`%\` or \`"\` in it, is percent-encoded UTF-8, so that a foreign id cannot make another header. \`Nats-Msg-Id\` repeats the id for the
server, whose memory of it is only economy.

${table(
  ['header', 'says'],
  headerTable.map(([name, meaning]) => [`\`${name}\``, meaning]),
)}
`;

export const logSections: readonly Section[] = [introduction, streamTable, subjectTable, envelope];
