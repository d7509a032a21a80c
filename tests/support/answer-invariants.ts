/**
 * Invariant 5: whatever was answered 2xx is in the log exactly once and ends in a visible decision, its runs in an end; and
 * nothing is in the log that no client sent.
 */
import type { TriggerEvent } from '@waybill/protocol';
import { readTriggerMessage } from '@waybill/protocol';
import type { Evidence, LedgerEntry, Violation } from './evidence.ts';
import type { RunStory } from './run-story.ts';

type Story = { readonly received: number[]; readonly decided: Decided[] };
type Decided = Extract<TriggerEvent, { type: 'trigger.decided' }>;

export function answeredIsStored(
  { log, ledger }: Pick<Evidence, 'log' | 'ledger'>,
  runs: readonly RunStory[],
): readonly Violation[] {
  const stories = triggerStories(log.WB_TRIGGERS.flatMap((each) => readTriggerMessage(each) ?? []));
  const answered = ledger.filter(({ told, status }) => told !== null && isGood(status));
  const triggers = new Set(answered.map(({ triggerId }) => triggerId));
  return [
    ...[...triggers].flatMap((triggerId) => storedOnce(triggerId, stories.get(triggerId))),
    ...answered.flatMap((entry) => toldTheTruth(entry, stories.get(entry.triggerId)?.decided[0])),
    ...decidedOnce(stories, new Set(ledger.map(({ triggerId }) => triggerId)), runs),
  ];
}

function storedOnce(triggerId: string, story: Story | undefined): readonly Violation[] {
  const times = story?.received.length ?? 0;
  if (times === 1) return [];
  const what = `trigger ${triggerId} was answered 2xx and is stored ${times} times`;
  return [violation(story?.received[1], what)];
}

function toldTheTruth(
  { triggerId, told }: LedgerEntry,
  decided: Decided | undefined,
): readonly Violation[] {
  if (told === null) return [];
  const seq = decided?.seq;
  const about = `trigger ${triggerId} was answered`;
  const said = decided?.body.decision;
  const known = new Set(decided?.body.runs.map(({ runId }) => runId));
  const alien = decided === undefined ? [] : told.runIds.filter((runId) => !known.has(runId));
  return [
    told.triggerId === triggerId ? [] : [violation(seq, `${about} as ${told.triggerId}`)],
    told.decision === null || told.decision === said
      ? []
      : [violation(seq, `${about} "${told.decision}", the log says ${said ?? 'nothing'}`)],
    alien.map((runId) => violation(seq, `${about} with run ${runId}, which it has not`)),
  ].flat();
}

function decidedOnce(
  stories: ReadonlyMap<string, Story>,
  sent: ReadonlySet<string>,
  runs: readonly RunStory[],
): readonly Violation[] {
  const runById = new Map(runs.map((run) => [run.runId, run]));
  return [...stories].flatMap(([triggerId, { received, decided }]) => [
    ...(sent.has(triggerId)
      ? []
      : [violation(received[0], `trigger ${triggerId} is in the log and nobody sent it`)]),
    ...(decided.length === 1
      ? []
      : [violation(received[0], `trigger ${triggerId} has ${decided.length} decisions`)]),
    ...decided.flatMap(({ body, seq }) =>
      body.runs.flatMap(({ runId }) => created(runById.get(runId), runId, seq)),
    ),
  ]);
}

const isGood = (status: number | null): boolean => status !== null && status >= 200 && status < 300;

function created(run: RunStory | undefined, runId: string, seq: number): readonly Violation[] {
  const times = (run?.moments ?? []).filter(({ event }) => event.type === 'run.created').length;
  return times === 1
    ? []
    : [violation(seq, `run ${runId} was decided and is created ${times} times`)];
}

function triggerStories(events: readonly TriggerEvent[]): ReadonlyMap<string, Story> {
  const stories = new Map<string, Story>();
  for (const event of events) {
    const story = stories.get(event.triggerId) ?? { received: [], decided: [] };
    if (event.type === 'trigger.received') story.received.push(event.seq);
    if (event.type === 'trigger.decided') story.decided.push(event);
    stories.set(event.triggerId, story);
  }
  return stories;
}

const violation = (seq: number | undefined, what: string): Violation => ({
  invariant: 5,
  seq: seq ?? null,
  what,
});
