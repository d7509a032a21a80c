/**
 * Creates the runs that a trigger's decision names and that are not there yet: whoever does it makes exactly the same ones, and
 * the log keeps the first.
 */
import type { Appended, Journal } from '@waybill/journal';
import type { Logger } from '@waybill/process';
import type { TriggerEvent, TriggerReceived } from '@waybill/protocol';
import { readTriggerMessage, runDraft, subjects } from '@waybill/protocol';
import { planRun } from '../domain/trigger-decision.ts';
import type { RuleBook } from './rule-book.ts';
import { isSettled } from './settled.ts';

export type Decided = Extract<TriggerEvent, { type: 'trigger.decided' }>;

export type RunCreation = Readonly<{
  /** False when it has to be done again. `trigger`: where it is at hand. */
  create(event: Decided, trigger?: TriggerReceived): Promise<boolean>;
  /** The trigger as it lies in the log. */
  receivedAt(seq: number): Promise<TriggerReceived | undefined>;
}>;

export type RunCreationOptions = Readonly<{
  journal: Pick<Journal, 'append' | 'get' | 'maxPayload'>;
  log: Logger;
  rules: RuleBook;
  knowsRun: (runId: string) => boolean;
}>;

/** Room left in a message for its subject and headers. */
const ENVELOPE_BYTES = 64 * 1024;

type DecidedRun = Decided['body']['runs'][number];

export function openRunCreation(o: RunCreationOptions): RunCreation {
  const { journal, log, rules, knowsRun } = o;

  /** From the leader: a replica that lags would say that there is none. */
  const receivedAt = async (seq: number): Promise<TriggerReceived | undefined> => {
    const message = await journal.get('WB_TRIGGERS', seq, { leader: true });
    const read = message === undefined ? undefined : readTriggerMessage(message);
    return read?.type === 'trigger.received' ? read : undefined;
  };

  const pinned = async (rule: NonNullable<DecidedRun['rule']>, org: string) =>
    rules.current(org).find((each) => each.seq === rule.seq) ?? (await rules.pinned(rule));

  const plan = async (trigger: TriggerReceived | undefined, { runId, rule }: DecidedRun) => {
    if (trigger === undefined) return undefined;
    const placed = rule === null ? null : await pinned(rule, trigger.org);
    const maxBytes = journal.maxPayload - ENVELOPE_BYTES;
    return placed === undefined ? undefined : planRun(trigger, { runId, rule: placed }, maxBytes);
  };

  const createOne = async (
    { org, id, meta: { requestId, traceparent } }: Decided,
    run: DecidedRun,
    trigger: TriggerReceived | undefined,
  ): Promise<boolean> => {
    const { runId } = run;
    const source = '/waybill/dispatcher';
    const meta = {
      id: `${org}:${runId}:run.created`,
      source,
      causation: id,
      requestId,
      traceparent,
    };
    const expect = { filter: subjects.runFilter(org, runId), lastSeq: 0 };
    const body = await plan(trigger, run);
    const answer =
      body === undefined
        ? undefined
        : await journal.append(runDraft({ org, runId, type: 'run.created', meta, body }), expect);
    // A conflict means that it is there.
    if (answer !== undefined && !isTooLarge(answer)) return isSettled(answer, log, { runId });
    // Trying again would change nothing.
    log.error(
      { runId, outcome: answer?.outcome },
      'the decision names a run that its trigger cannot make',
    );
    return true;
  };

  return {
    create: async (event, known) => {
      const missing = event.body.runs.filter(({ runId }) => !knowsRun(runId));
      if (missing.length === 0) return true;
      const trigger = known ?? (await receivedAt(event.body.receivedSeq));
      for (const run of missing) if (!(await createOne(event, run, trigger))) return false;
      return true;
    },
    receivedAt,
  };
}

const isTooLarge = (answer: Appended): boolean =>
  answer.outcome === 'refused' && answer.code === 'too-large';
