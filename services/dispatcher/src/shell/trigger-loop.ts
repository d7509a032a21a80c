/**
 * Follows WB_TRIGGERS: decides every trigger once, and creates the runs of every decision that has none yet. A decision is acted
 * on when it is read back, not when it is sent, so a restart at any point ends in the same runs.
 */

import type { Appended, Journal, Reader } from '@waybill/journal';
import { refuseNewer } from '@waybill/journal';
import { type Clock, isOutage, type Logger } from '@waybill/process';
import type { TriggerEvent, TriggerReceived } from '@waybill/protocol';
import {
  allSubjects,
  decidedDraft,
  readTriggerMessage,
  runDraft,
  subjects,
} from '@waybill/protocol';
import { decideTrigger, planRun } from '../domain/trigger-decision.ts';
import type { RuleBook } from './rule-book.ts';

type Decided = Extract<TriggerEvent, { type: 'trigger.decided' }>;

export type TriggerLoopOptions = Readonly<{
  journal: Journal;
  clock: Clock;
  log: Logger;
  rules: RuleBook;
  knowsRun: (runId: string) => boolean;
  onFailure: (error: Error) => void;
}>;

export type TriggerLoop = Readonly<{
  reader: Reader;
  begin(): void;
  /** Tries nothing again. */
  stop(): void;
}>;

/** Room left in a message for its subject and headers. */
const ENVELOPE_BYTES = 64 * 1024;
const RETRY_MS = 1_000;

/** Reads at once; decides from `begin` on, when runs and rules are caught up too. */
export async function openTriggerLoop(options: TriggerLoopOptions): Promise<TriggerLoop> {
  const { journal, clock, log, rules, knowsRun, onFailure } = options;
  const open = new Map<string, TriggerReceived>();
  const held: Decided[] = [];
  let begun = false;

  let stopped = false;

  /** Until it is done: an outage of the log is waited out, whatever else fails ends the service. */
  const insist = (work: () => Promise<void>): void => {
    if (stopped) return;
    work().catch((error: unknown) => {
      if (!isOutage(error)) return onFailure(asError(error));
      log.warn({ err: error }, 'the log did not answer; tried again');
      again(work);
    });
  };
  const again = (work: () => Promise<void>): void => {
    clock.after(RETRY_MS, () => insist(work), { background: true });
  };

  const decide = async (trigger: TriggerReceived): Promise<void> => {
    const { org, source, triggerId, seq } = trigger;
    const decided = decideTrigger(trigger, rules.current(org));
    const expect = { filter: subjects.triggerFilter(org, source, triggerId), lastSeq: seq };
    const answer = await journal.append(decidedDraft(trigger, decided), expect);
    // A conflict means that somebody else decided: that decision is on its way to this reader.
    if (failed(answer, log, triggerId) && open.has(triggerId)) again(() => decide(trigger));
  };

  const createRuns = async (event: Decided): Promise<void> => {
    const missing = event.body.runs.filter(({ runId }) => !knowsRun(runId));
    const trigger =
      missing.length === 0 ? undefined : (open.get(event.triggerId) ?? (await received(event)));
    open.delete(event.triggerId);
    if (trigger === undefined) return;
    for (const { runId, rule } of missing) {
      const placed = rule === null ? null : await pinned(rule, trigger.org);
      const planned =
        placed === undefined
          ? undefined
          : planRun(trigger, { runId, rule: placed }, journal.maxPayload - ENVELOPE_BYTES);
      if (planned === undefined) {
        log.error(
          { runId, triggerId: event.triggerId },
          'the decision names a run that its trigger cannot make',
        );
        continue;
      }
      const { requestId, traceparent } = trigger.meta;
      const meta = {
        id: `${event.org}:${runId}:run.created`,
        source: '/waybill/dispatcher',
        causation: event.id,
        requestId,
        traceparent,
      };
      const draft = runDraft({ org: event.org, runId, type: 'run.created', meta, body: planned });
      const answer = await journal.append(draft, {
        filter: subjects.runFilter(event.org, runId),
        lastSeq: 0,
      });
      if (failed(answer, log, runId)) return again(() => createRuns(event));
    }
  };

  const pinned = async (rule: NonNullable<Decided['body']['runs'][number]['rule']>, org: string) =>
    rules.current(org).find((each) => each.seq === rule.seq) ?? (await rules.pinned(rule));

  const received = async (event: Decided): Promise<TriggerReceived | undefined> => {
    const message = await journal.get('WB_TRIGGERS', event.body.receivedSeq);
    const read = message === undefined ? undefined : readTriggerMessage(message);
    return read?.type === 'trigger.received' ? read : undefined;
  };

  const reader = await journal.read({
    stream: 'WB_TRIGGERS',
    filters: [allSubjects.triggers],
    from: undefined,
    onFailure,
    onMessage: (message) => {
      const event = readTriggerMessage(message);
      if (event === undefined) return;
      if (event.type === 'unreadable') return refuseNewer(message, event.problem, log);
      if (event.type === 'trigger.received') {
        open.set(event.triggerId, event);
        if (begun) insist(() => decide(event));
      } else if (begun) {
        insist(() => createRuns(event));
      } else {
        held.push(event);
        if (event.body.runs.every(({ runId }) => knowsRun(runId))) open.delete(event.triggerId);
      }
    },
  });

  return {
    reader,
    begin: () => {
      begun = true;
      const decided = new Set(held.map((event) => event.triggerId));
      for (const event of held) insist(() => createRuns(event));
      for (const trigger of open.values())
        if (!decided.has(trigger.triggerId)) insist(() => decide(trigger));
      held.length = 0;
    },
    stop: () => {
      stopped = true;
    },
  };
}

const asError = (thrown: unknown): Error =>
  thrown instanceof Error ? thrown : new Error(String(thrown));

function failed(answer: Appended, log: Logger, about: string): boolean {
  if (answer.outcome === 'stored' || answer.outcome === 'conflict') return false;
  log.warn(
    {
      about,
      outcome: answer.outcome,
      ...(answer.outcome === 'refused' ? { code: answer.code } : {}),
    },
    'not appended; tried again',
  );
  return true;
}
