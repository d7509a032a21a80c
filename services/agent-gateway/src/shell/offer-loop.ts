/**
 * Reads what is addressed to agents, and what ends an attempt, and has it done for the sockets that this gateway holds: in the
 * order of the log for each session. The book of custody follows it for all sessions, whoever holds them.
 */
import { type Journal, type Position, type Reader, refuseNewer } from '@waybill/journal';
import { serialQueue } from '@waybill/process';
import {
  allSubjects,
  type RunEventOf,
  readRunMessage,
  type StoredMessage,
} from '@waybill/protocol';
import type { Custody } from '../domain/custody.ts';
import { tellOutcome } from './approval-order.ts';
import { type DeliveryDeps, deliver } from './delivery.ts';
import { meant, type StopEvent, stopAsDecided, stopTypes } from './stop-order.ts';

export type OfferLoop = Readonly<{
  reader: Reader;
  /** Reads no more, and finishes what it has begun but for what waits. */
  stop(): Promise<void>;
}>;

type Deps = Omit<DeliveryDeps, 'ending'> &
  Readonly<{
    journal: Pick<Journal, 'read'>;
    from: Position | undefined;
    /** Aborted when the gateway does not wait for the log any more. */
    signal: AbortSignal;
    onFailure: (error: Error) => void;
  }>;

/** A change of what is read makes the snapshots of the book older than they say: raise its version. */
const filters = [
  allSubjects.addressed,
  ...stopTypes.filter((type) => type !== 'job.cancel').map(allSubjects.runEvent),
  allSubjects.runEvent('run.completed'),
];

export async function openOfferLoop(o: Deps): Promise<OfferLoop> {
  const { journal, book, registry, history, log, from, onFailure } = o;
  const stopping = new AbortController();
  const ending = AbortSignal.any([stopping.signal, o.signal]);
  const deps: DeliveryDeps = { ...o, ending };
  const perSession = serialQueue({ pendingMax: Number.POSITIVE_INFINITY });

  const begin = (session: number, work: () => Promise<void>): void => {
    perSession.run(String(session), work).catch((error: unknown) => {
      if (ending.aborted) return;
      log.error({ err: error, session }, 'something addressed to an agent was not sent');
    });
  };
  const isHere = (of: Pick<Custody, 'org' | 'agentId' | 'session'>): boolean =>
    registry.mayHold(of, of.session) || registry.seatOf(of) !== undefined;
  const onStop = (event: StopEvent): void => {
    for (const custody of meant(book, event))
      if (isHere(custody)) begin(custody.session, () => stopAsDecided(deps, event, custody));
  };
  const onResolved = (event: RunEventOf<'approval.resolved'>): void => {
    const { runId, body } = event;
    const { jobId, attempt = 0 } = body;
    const custody = book.find({ runId, jobId, attempt });
    if (custody !== undefined && isHere(custody))
      begin(custody.session, () => tellOutcome(deps, event, custody));
  };
  const onCompleted = (event: RunEventOf<'run.completed'>): void => {
    const { runId, seq } = event;
    const atWork = book.openIn(runId).find(isHere);
    book.completed(runId);
    if (atWork === undefined) history.forget(runId);
    else
      begin(atWork.session, async () => {
        const { verdict } = await history.judge(event, seq);
        if (verdict === 'valid') history.forget(runId);
        else book.reopened(runId);
      });
  };
  const onMessage = (message: StoredMessage): void => {
    const event = readRunMessage(message);
    switch (event?.type) {
      case undefined:
        break;
      case 'unreadable':
        refuseNewer(message, event.problem, log);
        break;
      case 'job.offered':
        book.offered(event);
        if (isHere({ org: event.org, ...event.body }))
          begin(event.body.session, () => deliver(deps, event));
        break;
      case 'run.completed':
        onCompleted(event);
        break;
      case 'approval.resolved':
        onResolved(event);
        break;
      case 'job.expired':
      case 'job.stale':
      case 'job.lost':
      case 'job.cancel':
      case 'job.cancelled':
      case 'job.timed_out':
      case 'session.ended':
        onStop(event);
        break;
      default:
        break;
    }
  };
  const reader = await journal.read({ stream: 'WB_RUNS', filters, from, onMessage, onFailure });
  return {
    reader,
    stop: async () => {
      await reader.stop();
      stopping.abort(new Error('the gateway stops'));
      await perSession.idle();
    },
  };
}
