/**
 * Watches a world from outside: folds every stored event where it becomes visible, checks at once what can be checked then, counts
 * the branches that were taken, and keeps what the checks of the end need.
 */
import type { Run } from '@waybill/protocol';
import {
  evolveRun,
  initialRun,
  readAgentMessage,
  readRunMessage,
  wasVoid,
} from '@waybill/protocol';
import {
  attemptsAndFences,
  oneResolution,
  terminalIsFinal,
} from '../support/attempt-invariants.ts';
import type { Violation } from '../support/evidence.ts';
import type { Moment, RunStory } from '../support/run-story.ts';
import type { Branches } from './branches.ts';
import type { SimLog, SimMessage } from './sim-log.ts';
import { withoutOutdated, withoutPeople, withoutStrays } from './stray-story.ts';

export type SimSession = Readonly<{
  agentId: string;
  capacity: number;
  /** As `<name>/<start>`. */
  gateway: string;
}>;

export type Observer = Readonly<{
  stories(): readonly RunStory[];
  run(runId: string): Run | undefined;
  violations(): readonly Violation[];
  endedRuns(): number;
  /** By the sequence of its `registered` event. */
  session(seq: number): SimSession | undefined;
  /** Whether the log says that it is over. */
  isEnded(session: number): boolean;
  onSession(listener: (session: SimSession) => void): void;
  /** Told of every event of a run, judged. */
  onMoment(listener: (moment: Moment) => void): void;
}>;

type Story = { readonly org: string; readonly runId: string; readonly moments: Moment[]; end: Run };

export function openObserver(log: SimLog, branches: Branches): Observer {
  const stories = new Map<string, Story>();
  const found: Violation[] = [];
  const listeners: ((moment: Moment) => void)[] = [];
  const sessions = new Map<number, SimSession>();
  const sessionListeners: ((session: SimSession) => void)[] = [];
  const endedSessions = new Set<number>();
  const newest = new Map<string, number>();
  let ended = 0;

  const fold = (message: SimMessage): void => {
    const event = readRunMessage(message);
    if (event === undefined) return;
    const { org, runId } = event;
    const story: Story = stories.get(runId) ?? { org, runId, moments: [], end: initialRun };
    stories.set(runId, story);
    const before = story.end;
    const after = evolveRun(before, event);
    const moment = { event, before, after, isVoid: wasVoid(after, event.seq) };
    story.moments.push(moment);
    story.end = after;
    if (before.completed === null && after.completed !== null) ended += 1;
    check(moment, story);
    branches.moment(moment);
    for (const listener of listeners) listener(moment);
  };
  const check = (moment: Moment, { org, runId }: Story): void => {
    const alone = withoutOutdated(
      withoutPeople(withoutStrays({ org, runId, moments: [moment], end: initialRun })),
    );
    found.push(
      ...attemptsAndFences(alone, log.isReplicated ? 3 : 1),
      ...oneResolution(alone),
      ...terminalIsFinal(alone),
    );
  };
  const register = (message: SimMessage): void => {
    const event = readAgentMessage(message);
    if (event?.type === 'disconnected') endedSessions.add(event.body.session);
    if (event?.type !== 'registered') return;
    const { agentId, maxConcurrency: capacity = 1 } = event.body;
    const session = { agentId, capacity, gateway: event.gateway };
    const before = newest.get(agentId);
    if (before !== undefined && !endedSessions.has(before)) branches.seen('session:replaced');
    newest.set(agentId, event.seq);
    sessions.set(event.seq, session);
    for (const listener of sessionListeners) listener(session);
  };
  log.onSeen((message) => {
    if (message.stream === 'WB_RUNS') fold(message);
    if (message.stream === 'WB_AGENTS') register(message);
  });
  return {
    stories: () => [...stories.values()],
    run: (runId) => stories.get(runId)?.end,
    violations: () => found,
    endedRuns: () => ended,
    isEnded: (session) => endedSessions.has(session),
    session: (seq) => sessions.get(seq),
    onSession: (listener) => void sessionListeners.push(listener),
    onMoment: (listener) => void listeners.push(listener),
  };
}
