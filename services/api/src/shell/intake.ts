/**
 * The one way in for triggers: hooks, triggers over HTTP and runs that are asked for. Answers only what the log has
 * acknowledged. A repeat meets the original by the expectation of 0 on its subject, whenever it comes, and is answered from
 * it; another message under the same id is refused.
 */
import { milestone, newId } from '@waybill/process';
import {
  type ReceivedDraft,
  readTriggerMessage,
  receivedDraft,
  type StoredMessage,
  subjects,
  type TriggerEvent,
} from '@waybill/protocol';
import type { Problem } from '../domain/problems.ts';
import { type TriggerAnswer, triggerAnswer } from '../domain/trigger-answer.ts';
import { tooLarge } from './answer.ts';
import type { ApiContext } from './api-context.ts';

/** `mismatch`: what it means that the same id came with another body. */
export type Intake = ReceivedDraft & Readonly<{ mismatch: 'delivery-conflict' | 'key-reused' }>;

export type Decided = Extract<TriggerEvent, { type: 'trigger.decided' }>;

/** Tells the copy that was stored from its equals: their ids and bodies are the same. */
const RECEIPT = 'receipt';

export async function takeIn(api: ApiContext, intake: Intake): Promise<TriggerAnswer | Problem> {
  const nearlyFull = api.capacity.full();
  if (nearlyFull !== undefined)
    return {
      code: 'log-full',
      detail: `The stream ${nearlyFull} is nearly full; what is left of it is kept for runs under way.`,
    };
  const receipt = newId();
  const { org, source, triggerId } = intake;
  const draft = receivedDraft({ ...intake, headers: { ...intake.headers, [RECEIPT]: receipt } });
  const expect = { filter: subjects.triggerFilter(org, source, triggerId), lastSeq: 0 };
  const outcome = await api.journal.append(draft, expect, { deadlineMs: api.bounds.appendMs });
  switch (outcome.outcome) {
    case 'stored':
      milestone('trigger.stored', draft);
      if (!outcome.duplicate) return fresh(intake);
      return repeated(
        api,
        intake,
        receipt,
        await api.journal.get('WB_TRIGGERS', outcome.seq, { leader: true }),
      );
    case 'conflict': {
      const subject = subjects.trigger(org, source, triggerId, 'received');
      return repeated(
        api,
        intake,
        receipt,
        await api.journal.last('WB_TRIGGERS', subject, { leader: true }),
      );
    }
    case 'refused':
      return refused(api, intake, outcome);
    case 'unknown':
      api.log.warn(
        { triggerId, requestId: intake.requestId, err: outcome.cause },
        'the log did not acknowledge a trigger',
      );
      return { code: 'log-unavailable' };
  }
}

const fresh = ({ triggerId, requestId }: Intake): TriggerAnswer =>
  triggerAnswer({ triggerId, requestId, duplicate: false }, undefined);

async function repeated(
  api: ApiContext,
  intake: Intake,
  receipt: string,
  stored: StoredMessage | undefined,
): Promise<TriggerAnswer | Problem> {
  const original = stored === undefined ? undefined : readTriggerMessage(stored);
  if (stored === undefined || original?.type !== 'trigger.received')
    return { code: 'log-unavailable' };
  // Our own earlier try had landed, though its answer was lost.
  if (stored.header(`wb-http-${RECEIPT}`) === receipt) return fresh(intake);
  if (original.digest !== intake.digest) {
    api.log.warn(
      { triggerId: intake.triggerId, source: intake.source },
      'another body under a known id was refused',
    );
    return { code: intake.mismatch };
  }
  const requestId = original.meta.requestId ?? intake.requestId;
  const decided = await decisionOf(api, original);
  return triggerAnswer({ triggerId: intake.triggerId, requestId, duplicate: true }, decided?.body);
}

export async function decisionOf(
  api: ApiContext,
  trigger: Readonly<{ org: string; source: string; triggerId: string }>,
): Promise<Decided | undefined> {
  const subject = subjects.trigger(trigger.org, trigger.source, trigger.triggerId, 'decided');
  const message = await api.journal.last('WB_TRIGGERS', subject, { leader: true });
  const event = message === undefined ? undefined : readTriggerMessage(message);
  return event?.type === 'trigger.decided' ? event : undefined;
}

function refused(
  api: ApiContext,
  intake: Intake,
  outcome: Readonly<{
    code: 'stream-full' | 'too-large' | 'no-stream' | 'not-permitted';
    detail: string;
  }>,
): Problem {
  if (outcome.code === 'too-large')
    return tooLarge(api.journal.maxPayload - api.bounds.payloadReserveBytes);
  if (outcome.code === 'stream-full')
    return { code: 'log-full', detail: 'The stream WB_TRIGGERS is full.' };
  api.log.error(
    { triggerId: intake.triggerId, code: outcome.code, detail: outcome.detail },
    'the log refuses triggers',
  );
  return { code: 'log-unavailable' };
}
