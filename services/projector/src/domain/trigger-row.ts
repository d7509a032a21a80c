/**
 * A trigger and its one decision as a row. A second `received` and a decision that does not name it are void: the first of
 * each has the place.
 */
import type { TriggerEvent } from '@waybill/protocol';

export type TriggerRow = Readonly<{
  org: string;
  source: string;
  trigger_id: string;
  kind: string;
  event: string;
  delivery_id: string;
  request_id: string | null;
  received_at: number;
  received_seq: number;
  decision: string | null;
  detail: string | null;
  runs: unknown;
  decided_at: number | null;
  seq: number;
}>;

export function evolveTriggerRow(
  row: TriggerRow | undefined,
  event: TriggerEvent,
): TriggerRow | undefined {
  switch (event.type) {
    case 'trigger.received':
      if (row !== undefined) return row;
      return {
        org: event.org,
        source: event.source,
        trigger_id: event.triggerId,
        kind: event.kind,
        event: event.event,
        delivery_id: event.deliveryId,
        request_id: event.meta.requestId ?? null,
        received_at: event.at,
        received_seq: event.seq,
        decision: null,
        detail: null,
        runs: [],
        decided_at: null,
        seq: event.seq,
      };
    case 'trigger.decided': {
      const { body } = event;
      if (row === undefined || row.decision !== null) return row;
      if (body.receivedSeq !== row.received_seq || body.triggerId !== row.trigger_id) return row;
      return {
        ...row,
        decision: body.decision,
        detail: body.detail ?? null,
        runs: body.runs,
        decided_at: event.at,
        seq: event.seq,
      };
    }
    case 'unreadable':
      return row;
    default:
      return event satisfies never;
  }
}
