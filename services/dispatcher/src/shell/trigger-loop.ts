/**
 * Follows WB_TRIGGERS: decides every trigger once, and creates the runs of every decision that has none yet. A decision is acted
 * on when it is read back, not when it is sent, so a restart at any point ends in the same runs. What waits, waits in the log:
 * the reader goes no further while enough is under way.
 */

import type { Journal, Reader } from '@waybill/journal';
import { refuseNewer } from '@waybill/journal';
import { type Clock, isOutage, type Logger } from '@waybill/process';
import type { StoredMessage, TriggerReceived } from '@waybill/protocol';
import { allSubjects, decidedDraft, readTriggerMessage, subjects } from '@waybill/protocol';
import { decideTrigger } from '../domain/trigger-decision.ts';
import type { RuleBook } from './rule-book.ts';
import { type Decided, openRunCreation } from './run-creation.ts';
import { isSettled } from './settled.ts';
import { openWorkSlots } from './work-slots.ts';

export type TriggerLoopOptions = Readonly<{
  journal: Pick<Journal, 'append' | 'get' | 'read' | 'maxPayload'>;
  clock: Clock;
  log: Logger;
  rules: RuleBook;
  /** With all runs folded that were created before: what it does not know is created. */
  knowsRun: (runId: string) => boolean;
  onFailure: (error: Error) => void;
}>;

export type TriggerLoop = Readonly<{
  reader: Reader;
  begin(): void;
  /** Begins nothing more and tries nothing again. Its reader and what is on its way end with the journal. */
  stop(): void;
}>;

const RETRY_MS = 1_000;
const AT_ONCE_MAX = 64;
/** Triggers kept from `received` to `decided`, none of them larger than this: any other is read again. */
const RECENT_MAX = 256;
const RECENT_BYTES_MAX = 64 * 1024;

/** Reads at once; decides from `begin` on, when it is caught up. */
export async function openTriggerLoop(options: TriggerLoopOptions): Promise<TriggerLoop> {
  const { journal, clock, log, rules, knowsRun, onFailure } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  const slots = openWorkSlots(AT_ONCE_MAX);
  const runs = openRunCreation(options);
  const recent = new Map<string, TriggerReceived>();
  /** What was left by the dispatchers before: by trigger the sequence of its `received`, and decisions without their runs. */
  const undecided = new Map<string, number>();
  const uncreated: Decided[] = [];
  let begun = false;

  /** Until it is done: an outage of the log is waited out, whatever else fails ends the service. */
  const insist = (work: () => Promise<boolean>): Promise<void> | undefined =>
    slots.begin(async () => {
      while (!signal.aborted && !(await tried(work)))
        await clock.sleep(RETRY_MS, signal).catch(() => undefined);
    });

  /** Whether nothing is left to be done. */
  const tried = async (work: () => Promise<boolean>): Promise<boolean> => {
    try {
      return await work();
    } catch (error) {
      if (isOutage(error)) log.warn({ err: error }, 'the log did not answer; tried again');
      else onFailure(error instanceof Error ? error : new Error(String(error)));
      return !isOutage(error);
    }
  };

  const decide = async (trigger: TriggerReceived): Promise<boolean> => {
    const { org, source, triggerId, seq } = trigger;
    const decided = decideTrigger(trigger, rules.current(org));
    const expect = { filter: subjects.triggerFilter(org, source, triggerId), lastSeq: seq };
    const answer = await journal.append(decidedDraft(trigger, decided), expect);
    // A conflict means that somebody else decided: that decision is on its way to this reader.
    return isSettled(answer, log, { triggerId });
  };

  const keep = (trigger: TriggerReceived, bytes: number): void => {
    if (bytes > RECENT_BYTES_MAX) return;
    const [oldest] = recent.keys();
    if (recent.size >= RECENT_MAX && oldest !== undefined) recent.delete(oldest);
    recent.set(trigger.triggerId, trigger);
  };

  const onReceived = (trigger: TriggerReceived, bytes: number): Promise<void> | undefined => {
    if (!begun) return void undecided.set(trigger.triggerId, trigger.seq);
    keep(trigger, bytes);
    return insist(() => decide(trigger));
  };

  const onDecided = (event: Decided): Promise<void> | undefined => {
    const { triggerId } = event;
    const trigger = recent.get(triggerId);
    recent.delete(triggerId);
    undecided.delete(triggerId);
    if (event.body.runs.every(({ runId }) => knowsRun(runId))) return undefined;
    if (!begun) return void uncreated.push(event);
    return insist(() => runs.create(event, trigger));
  };

  const onMessage = (message: StoredMessage): Promise<void> | undefined => {
    const event = readTriggerMessage(message);
    if (event === undefined) return undefined;
    if (event.type === 'trigger.received') return onReceived(event, message.body.length);
    if (event.type === 'trigger.decided') return onDecided(event);
    refuseNewer(message, event.problem, log);
    return undefined;
  };

  const takeOver = async (): Promise<void> => {
    for (const event of uncreated.splice(0)) await insist(() => runs.create(event));
    for (const [triggerId, seq] of undecided) {
      undecided.delete(triggerId);
      await insist(async () => {
        const trigger = await runs.receivedAt(seq);
        return trigger === undefined || decide(trigger);
      });
    }
  };

  const reader = await journal.read({
    stream: 'WB_TRIGGERS',
    filters: [allSubjects.triggers],
    from: undefined,
    onFailure,
    onMessage,
  });
  return {
    reader,
    begin: () => {
      begun = true;
      void takeOver();
    },
    stop: () => stopping.abort(),
  };
}
