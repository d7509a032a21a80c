/** The sections of docs/run-lifecycle.md: the words, then what the fold made of every event in every state, and the diagram of it. */
import type { FactType } from '../src/run-event.ts';
import { isTerminalJob, JobState } from '../src/states.ts';
import { lifecycleIntroduction } from './lifecycle-introduction.ts';
import { runPlaces, runRows, stepHead, stepRows } from './lifecycle-run.ts';
import { alwaysVoid, eventTypes, type Happening, happenings } from './lifecycle-table.ts';
import { type Section, table } from './markdown.ts';

const code = (text: string): string => `\`${text}\``;
const open = JobState.options.filter((state) => !isTerminalJob(state));
const ended = JobState.options.filter(isTerminalJob);
/** No event leads there yet. */
const reserved: readonly JobState[] = ['waiting'];

/** Counts behind the end of its job too. */
const SPENT = 'usage.reported';

/** Every word of an attempt but a reject: what accepts, and shows that a lost agent is not lost. */
const words: readonly FactType[] = [
  'job.ack',
  'job.status',
  'step.status',
  'agent.heard',
  'approval.requested',
  'usage.reported',
  'conversation.reported',
  'context.reported',
  'workspace.reported',
  'event.emitted',
  'artifact.stored',
  'provenance.stored',
  'cache.stored',
  'cache.restored',
  'concurrency.reported',
  'run.event',
  'job.context',
];
const isWord = (type: string): boolean => words.some((word) => word === type);

function labelOf(types: readonly string[]): string {
  const hasAll = words.every((word) => types.includes(word));
  const named = hasAll ? types.filter((type) => !isWord(type)) : types;
  return [...(hasAll ? ['any word'] : []), ...named].join(', ');
}

const moves = (from: JobState, isEnd: boolean): ReadonlyMap<JobState, readonly string[]> => {
  const found = new Map<JobState, string[]>();
  for (const { to, type } of happenings.filter((each) => each.from === from))
    if (to !== undefined && to !== from && isTerminalJob(to) === isEnd) {
      const types = found.get(to) ?? [];
      if (!types.includes(type)) types.push(type);
      found.set(to, types);
    }
  return found;
};

const diagram: Section = () => {
  const states = open.filter((state) => !reserved.includes(state));
  const lines = states.flatMap((from) =>
    [...moves(from, false)].map(([to, types]) => `  ${from} --> ${to}: ${labelOf(types)}`),
  );
  const ends = states.map((from) => `  ${from} --> ended`);
  return `
## A job, event by event

The way of a job among the states in which it is open. From each it can also end; how, is [below](#how-a-job-ends).

\`\`\`mermaid
stateDiagram-v2
  [*] --> pending: run.created, with needs
  [*] --> queued: run.created
  [*] --> held: run.created, to be approved
${lines.join('\n')}
${ends.join('\n')}
  ended --> [*]
\`\`\`

A line of the tables below is one event in one case: what the job becomes, and what else a reader of the run sees. Cases that make no
difference in a state are not told apart there. Nor is said of each what holds for all: an event that names another attempt than the current
one is void as \`stale-attempt\`, one of a session that does not have that attempt as \`foreign-session\`, one whose id the run has seen
as \`repeated\`.
`;
};

const becomes = ({ from, to, why }: Happening): string =>
  why === undefined ? (to === from ? 'stays' : `**${code(to ?? '')}**`) : `void: ${code(why)}`;

function stateTable(from: JobState): string {
  const moving = eventTypes.filter((type) => alwaysVoid(from, type) === undefined);
  const rows = moving.flatMap((type) =>
    happenings
      .filter((each) => each.from === from && each.type === type)
      .map((each) => [code(type), each.when, becomes(each), each.notes.join('; ')]),
  );
  const void_ = new Map<string, string[]>();
  for (const type of eventTypes) {
    const why = alwaysVoid(from, type);
    if (why === undefined) continue;
    const reason = why.map(code).join(', of an attempt that is over ');
    void_.set(reason, [...(void_.get(reason) ?? []), code(type)]);
  }
  const reasons = [...void_].map(([reason, types]) => `- ${reason}: ${types.join(', ')}`);
  return `${table(['event', 'case', 'becomes', 'and'], rows)}\n\nAlways void here:\n\n${reasons.join('\n')}`;
}

const states: Section = () =>
  open
    .filter((state) => !reserved.includes(state))
    .map((state) => `### ${state}\n\n${stateTable(state)}`)
    .join('\n\n');

const reservedStates: Section = () =>
  `### waiting\n\nNo event leads to this state yet: it waits for constraints across runs. The fold knows it all the same.\n\n${stateTable('waiting')}`;

const endings: Section = () => {
  const rows = ended.map((to) => [
    code(to),
    ...open
      .filter((state) => !reserved.includes(state))
      .map((from) => (moves(from, true).get(to) ?? []).map(code).join(', ')),
  ]);
  const from = open
    .filter((state) => !reserved.includes(state))
    .map((state) => `from ${code(state)}`);
  const moving = eventTypes.filter((type) => type !== SPENT);
  const final = ended.every((state) =>
    moving.every((type) => alwaysVoid(state, type)?.join() === 'after-end'),
  );
  if (!final) throw new Error('an event moves a job that has ended');
  return `
### How a job ends

${table(['ends as', ...from], rows)}

A job in one of these states has ended, and every event about it is void as \`after-end\`, whatever it says: so the fold says of each of
${moving.length} types in each of the ${ended.length} states. Its agent, should it go on, is told to stop. One type alone counts all the same and
moves nothing: \`${SPENT}\`, because what was used was used.
`;
};

const runs: Section = () => `
## A run

${table(['', ...runPlaces.map((place) => (place === 'absent' ? 'not created' : place))], runRows)}

A run is \`running\` from the first word of an agent about one of its jobs. With the whole of it cancelled it is \`cancelling\`, whatever its
jobs do, until it is completed; a cancel of single jobs leaves its state alone. What every job of it comes to is the outcome, and
\`run.completed\` with another one is void: so no reader needs to trust who wrote it.
`;

const steps: Section = () => `
## A step

${table(stepHead, stepRows)}

Agents close no step when they are stopped: the end of the job does. The steps of an attempt stay with it, and the next one begins with none.
`;

export const lifecycleSections: readonly Section[] = [
  ...lifecycleIntroduction,
  diagram,
  states,
  reservedStates,
  endings,
  runs,
  steps,
];
