/** The runs of a dumped log, event by event: the state before, the state behind, and whether the event was void. */
import type { Run, RunEvent } from '@waybill/protocol';
import { evolveRun, initialRun, readRunMessage, wasVoid } from '@waybill/protocol';
import type { LoggedMessage } from './evidence.ts';

export type Moment = Readonly<{ event: RunEvent; before: Run; after: Run; isVoid: boolean }>;
export type RunStory = Readonly<{
  org: string;
  runId: string;
  moments: readonly Moment[];
  end: Run;
}>;

/** Given by a test of the checks themselves; everybody else means the one fold. */
export type Fold = (run: Run, event: RunEvent) => Run;

export function runStories(
  messages: readonly LoggedMessage[],
  fold: Fold = evolveRun,
): readonly RunStory[] {
  const stories = new Map<string, { org: string; runId: string; moments: Moment[]; end: Run }>();
  for (const message of messages) {
    const event = readRunMessage(message);
    if (event === undefined) continue;
    const { org, runId } = event;
    const key = `${org} ${runId}`;
    const story = stories.get(key) ?? { org, runId, moments: [], end: initialRun };
    const before = story.end;
    const after = fold(before, event);
    story.moments.push({ event, before, after, isVoid: wasVoid(after, event.seq) });
    stories.set(key, { ...story, end: after });
  }
  return [...stories.values()];
}
