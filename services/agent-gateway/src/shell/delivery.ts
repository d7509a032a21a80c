/**
 * Writes an offer to the socket that it names. At most once, ever: only while the session is here and the gateway surely holds its
 * lease, only after the run was folded up to the offer, and never when the same one is read again.
 */
import {
  type Clock,
  isSealed,
  type KeyRing,
  type Logger,
  milestone,
  open,
  registerSecretValues,
} from '@waybill/process';
import {
  type DispatchFrame,
  dispatchFrame,
  isHolder,
  isUnsent,
  type RunEventOf,
  wire,
} from '@waybill/protocol';
import { type CustodyBook, custodyOfAttempt } from '../domain/custody.ts';
import { type Held, openOffer } from '../domain/history.ts';
import type { Reconciliation } from './reconciliation.ts';
import type { Registry, Seat } from './registry.ts';
import type { RunHistory, Weighed } from './run-history.ts';
import type { Tenure } from './tenure.ts';

export type DeliveryDeps = Readonly<{
  book: CustodyBook;
  registry: Registry;
  history: RunHistory;
  reconciliation: Reconciliation;
  tenure: Tenure;
  ring: KeyRing;
  clock: Clock;
  log: Logger;
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
  // After the deadline nobody waits for the frame any more.
  let judged = await history.judge(offer, offer.seq, body.ackTimeoutMs);
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
    await history.current(offer);
    judged = await history.judge(offer, offer.seq);
  }
}

/** Nothing comes between the last look at what must hold and the socket. */
function write(
  { book }: DeliveryDeps,
  seat: Seat,
  { org, runId, body }: Offer,
  { held, frame, judged }: Written & Readonly<{ judged: Weighed }>,
): void {
  const offerId = `${body.jobId}.${body.attempt}.${body.fence}`;
  if (!isUnsent(seat.sent, offerId)) return;
  const custody = custodyOfAttempt(judged.run, { org, runId, ...body }, held.attempt);
  book.put({ ...custody, session: body.session });
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
  const sealed = dispatchFrame(judged.run, held.job, held.attempt, extended);
  const frame = sealed === undefined ? undefined : await opened(deps, sealed, { org, runId });
  if (frame === undefined || isTooBig(deps, judged, frame)) return undefined;
  return { held, frame };
}

/** The frame with its secrets in plain text, which exist from here to the socket and nowhere else. */
async function opened(
  deps: DeliveryDeps,
  frame: DispatchFrame,
  place: Readonly<{ org: string; runId: string }>,
): Promise<DispatchFrame | undefined> {
  const { ring, log } = deps;
  const { org, runId } = place;
  const sealed = frame['secrets'];
  let plain: unknown = sealed;
  if (isSealed(sealed)) {
    plain = await open(ring, sealed, { org, run: runId, field: 'secrets' });
    registerSecretValues(plain);
  }
  const whole = plain === undefined ? frame : { ...frame, secrets: plain };
  // Agents that exist give no answer at all to a dispatch that does not fit its schema.
  const checked = wire.JobDispatch.safeParse(whole);
  if (checked.success) return whole;
  const fields = checked.error.issues.map((issue) => issue.path.join('.'));
  log.error({ runId, fields }, 'a dispatch does not fit the protocol and was not sent');
  return undefined;
}

/** It would cost the agent its connection. The bytes of the run are about the most that its frame can have. */
function isTooBig({ log }: DeliveryDeps, { bytes }: Weighed, frame: DispatchFrame): boolean {
  const max = wire.wireLimits.frameBytesMax;
  if (bytes < max / 2) return false;
  const frameBytes = Buffer.byteLength(JSON.stringify(frame));
  if (frameBytes <= max) return false;
  const { runId, jobId } = frame;
  log.error({ runId, jobId, frameBytes, max }, 'a dispatch is over the limit and was not sent');
  return true;
}
