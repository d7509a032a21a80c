/**
 * Creates the runs that a trigger's decision names and that are not there yet: whoever does it makes exactly the same ones, and
 * the log keeps the first.
 */
import type { Appended, Journal } from '@waybill/journal';
import { type Logger, milestone } from '@waybill/process';
import type { PinnedRule, TriggerReceived } from '@waybill/protocol';
import { readRunMessage, readTriggerMessage, runDraft, subjects } from '@waybill/protocol';
import { planRun } from '../domain/run-plan.ts';
import { bodyKey } from '../domain/trigger-decision.ts';
import type { Decided } from '../domain/trigger-ledger.ts';
import type { ConfigBook } from './config-book.ts';
import { isSettled } from './settled.ts';
import type { Tenure } from './tenure.ts';

export type RunCreation = Readonly<{
  /** False when it has to be done again, or by somebody else. `bodies`: those that are at hand. */
  create(event: Decided, bodies?: ReadonlyMap<string, string>): Promise<boolean>;
  /** The trigger as it lies in the log. */
  receivedAt(seq: number): Promise<TriggerReceived | undefined>;
  /** What fits a message of the log beside its subject and headers. */
  bodyBytesMax(): number;
}>;

export type RunCreationOptions = Readonly<{
  journal: Pick<Journal, 'get' | 'last' | 'maxPayload'>;
  tenure: Pick<Tenure, 'append'>;
  log: Logger;
  book: Pick<ConfigBook, 'rules' | 'settings' | 'pinned'>;
  knowsRun: (runId: string) => boolean;
}>;

const ENVELOPE_BYTES = 64 * 1024;
const SOURCE = '/waybill/dispatcher';

type DecidedRun = Decided['body']['runs'][number];

export function openRunCreation(o: RunCreationOptions): RunCreation {
  const { journal, tenure, log, book, knowsRun } = o;
  const bodyBytesMax = (): number => journal.maxPayload - ENVELOPE_BYTES;

  /** From the leader: a replica that lags would say that there is none. */
  const receivedAt = async (seq: number): Promise<TriggerReceived | undefined> => {
    const message = await journal.get('WB_TRIGGERS', seq, { leader: true });
    const read = message === undefined ? undefined : readTriggerMessage(message);
    return read?.type === 'trigger.received' ? read : undefined;
  };

  const pinned = async (rule: PinnedRule, org: string) =>
    book.rules(org).find((each) => each.seq === rule.seq) ?? (await book.pinned(rule));

  const bodyOf = async (
    event: Decided,
    { runId, rule }: DecidedRun,
  ): Promise<string | undefined> => {
    const trigger = await receivedAt(event.body.receivedSeq);
    const placed = rule === null ? null : await pinned(rule, event.org);
    if (trigger === undefined || placed === undefined) return undefined;
    const settings = book.settings(event.org);
    const plan = planRun(trigger, { runId, rule: placed }, bodyBytesMax(), settings);
    if ('text' in plan) return plan.text;
    log.error({ runId, why: plan.impossible }, 'the run that was decided cannot be made here');
    return undefined;
  };

  /** Whether the log has it: what else lies there first does not stand in for it. */
  const isCreated = async (org: string, runId: string): Promise<boolean> => {
    const subject = subjects.run(org, runId, 'run.created');
    const message = await journal.last('WB_RUNS', subject, { leader: true });
    const event = message === undefined ? undefined : readRunMessage(message);
    return event?.type === 'run.created' && event.body.runId === runId && event.body.org === org;
  };

  const append = (
    { org, id: causation, meta: { requestId, traceparent } }: Decided,
    runId: string,
    body: string,
    lastSeq: number,
  ): Promise<Appended> | undefined => {
    // Behind something foreign under an id of its own: what lies there may have taken the usual one.
    const id = `${org}:${runId}:run.created${lastSeq === 0 ? '' : `@${lastSeq}`}`;
    const meta = { id, source: SOURCE, causation, requestId, traceparent };
    return tenure.append(runDraft({ org, runId, type: 'run.created', meta, body }), {
      filter: subjects.runFilter(org, runId),
      lastSeq,
    });
  };

  const createOne = async (event: Decided, runId: string, body: string): Promise<boolean> => {
    for (let lastSeq = 0; ; ) {
      const answer = await append(event, runId, body, lastSeq);
      if (answer === undefined) return false;
      if (answer.outcome === 'stored') milestone('run.created', { org: event.org, runId });
      if (answer.outcome === 'refused' && answer.code === 'too-large') {
        // Trying again would change nothing.
        log.error({ runId }, 'the decision names a run that the log does not take any more');
        return true;
      }
      if (answer.outcome !== 'conflict') return isSettled(answer, log, { runId });
      if (await isCreated(event.org, runId)) return true;
      if (answer.lastSeq <= lastSeq) return false;
      log.warn({ runId, seq: answer.lastSeq }, 'something foreign lies where the run begins');
      lastSeq = answer.lastSeq;
    }
  };

  return {
    create: async (event, bodies) => {
      for (const run of event.body.runs) {
        if (knowsRun(run.runId)) continue;
        const body = bodies?.get(bodyKey(run)) ?? (await bodyOf(event, run));
        if (body === undefined) {
          log.error({ runId: run.runId }, 'the decision names a run that its trigger cannot make');
          continue;
        }
        if (!(await createOne(event, run.runId, body))) return false;
      }
      return true;
    },
    receivedAt,
    bodyBytesMax,
  };
}
