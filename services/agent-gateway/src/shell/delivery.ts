/**
 * Writes an offer to the socket that it names. At most once, ever: only while the session is here and the gateway surely holds its
 * lease, only after the run was folded up to the offer, and never when the same one is read again.
 */
import { milestone } from '@waybill/process';
import { type DispatchFrame, isHolder, isUnsent, type RunEventOf } from '@waybill/protocol';
import { type Custody, type CustodyBook, custodyOfAttempt } from '../domain/custody.ts';
import { unsentFact } from '../domain/fact.ts';
import { type Held, openOffer } from '../domain/history.ts';
import type { FactWriter } from './fact-writer.ts';
import type { LogLedger } from './log-ledger.ts';
import { type FrameMaking, isUnsendable, offerFrame, type Unsendable } from './offer-frame.ts';
import type { Reconciliation } from './reconciliation.ts';
import type { Registry, Seat } from './registry.ts';
import type { RunHistory, Weighed } from './run-history.ts';
import type { Tenure } from './tenure.ts';

export type DeliveryDeps = FrameMaking &
  Readonly<{
    book: CustodyBook;
    registry: Registry;
    history: RunHistory;
    logs: LogLedger;
    reconciliation: Reconciliation;
    tenure: Tenure;
    facts: FactWriter;
    /** Aborted when no more offers are written. */
    ending: AbortSignal;
  }>;

export type Offer = RunEventOf<'job.offered'>;
type Written = Readonly<{ held: Held; frame: DispatchFrame }>;

export async function deliver(deps: DeliveryDeps, offer: Offer): Promise<void> {
  const { registry, history, tenure, ending } = deps;
  const { org, body } = offer;
  const holder = { org, agentId: body.agentId };
  await registry.settled(holder);
  const seat = registry.seat(body.session);
  if (seat === undefined) return miss(deps, offer);
  if (!seat.isOpen() || !isHolder(seat.who, holder)) return;
  milestone('offer.read', offer);
  const place = { org, runId: offer.runId, lastSeq: body.fence };
  // However long the log is away: the deadline may have been moved meanwhile, and whether the offer stands is asked of the fold.
  let judged = await history.judge(place, offer.seq, ending);
  for (;;) {
    const written = await frameOf(deps, judged, offer, seat);
    if (written === undefined || !seat.isOpen()) return;
    if (tenure.isHeld()) return write(deps, seat, offer, { ...written, judged });
    deps.log.info(
      { runId: offer.runId, seq: offer.seq },
      'an offer waits: the lease of this gateway is not held',
    );
    await tenure.held(ending);
    // Much may have been decided about it meanwhile.
    await history.current(offer, ending);
    judged = await history.judge(offer, offer.seq, ending);
  }
}

/** Nothing comes between the last look at what must hold and the socket. */
function write(
  { book, logs }: DeliveryDeps,
  seat: Seat,
  { org, runId, body }: Offer,
  { held, frame, judged }: Written & Readonly<{ judged: Weighed }>,
): void {
  const offerId = `${body.jobId}.${body.attempt}.${body.fence}`;
  if (!isUnsent(seat.sent, offerId)) return;
  const custody = custodyOfAttempt(judged.run, { org, runId, ...body }, held.attempt);
  book.put({ ...custody, session: body.session });
  logs.begun(custody, held.job.spec.maxLogSizeBytes);
  seat.dispatch(frame, offerId);
  milestone('frame.sent', { runId, ...body });
}

/** Offered to a session that its agent had left already: it is here on a newer one, and does not have the job. */
async function miss({ registry, reconciliation }: DeliveryDeps, offer: Offer): Promise<void> {
  const { org, runId, body } = offer;
  const agent = { org, agentId: body.agentId };
  await registry.returned(agent);
  const seat = registry.seatOf(agent);
  if (seat === undefined || seat.who.session < body.session) return;
  await reconciliation.missed(seat.who, { runId, jobId: body.jobId });
}

async function frameOf(
  deps: DeliveryDeps,
  judged: Weighed,
  offer: Offer,
  seat: Seat,
): Promise<Written | undefined> {
  const { org, runId, seq } = offer;
  const held = openOffer(judged, offer);
  if (held === undefined) {
    const { verdict } = judged;
    deps.log.info({ runId, seq, verdict }, 'an offer was settled before it could be sent');
    return undefined;
  }
  const extended = seat.extensions?.fence === true;
  const { host } = seat;
  const frame = await offerFrame(deps, judged, held, { org, runId, extended, host });
  if (frame === undefined) return undefined;
  if (!isUnsendable(frame)) return { held, frame };
  await giveBack(
    deps,
    offer,
    custodyOfAttempt(judged.run, { org, runId, ...offer.body }, held.attempt),
    frame,
  );
  return undefined;
}

/** Nobody's silence is waited for: the run is told why at once. */
async function giveBack(
  { book, facts, log }: DeliveryDeps,
  { runId, body }: Offer,
  custody: Custody,
  { cause, about }: Unsendable,
): Promise<void> {
  const { jobId, attempt } = body;
  log.error(
    { runId, jobId, attempt, cause, ...about },
    'a dispatch cannot be made and is not sent',
  );
  await facts.within(jobId, () => facts.store(unsentFact(cause, custody)));
  book.put({ ...custody, phase: 'void' });
}
