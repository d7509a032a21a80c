/**
 * Reads what is addressed to agents and writes it to the sockets that this gateway holds. An offer is written at most once,
 * ever: only while the session that it names is here, only after its run was folded up to it, and never when it is read again.
 */
import { type Journal, type Reader, refuseNewer } from '@waybill/journal';
import {
  type Clock,
  isSealed,
  type KeyRing,
  type Logger,
  open,
  registerSecretValues,
  serialQueue,
} from '@waybill/process';
import {
  allSubjects,
  type DispatchFrame,
  dispatchFrame,
  type RunEventOf,
  readRunMessage,
  type StoredMessage,
  wire,
  wireJobId,
} from '@waybill/protocol';
import { type CustodyBook, custodyOfAttempt } from '../domain/custody.ts';
import { attemptOf, openOffer } from '../domain/history.ts';
import type { Registry, Seat } from './registry.ts';
import type { RunHistory } from './run-history.ts';

export type OfferLoop = Readonly<{
  reader: Reader;
  /** Reads no more and finishes what it has begun. */
  stop(): Promise<void>;
}>;

type Deps = Readonly<{
  journal: Pick<Journal, 'read'>;
  book: CustodyBook;
  registry: Registry;
  history: RunHistory;
  ring: KeyRing;
  clock: Clock;
  log: Logger;
  onFailure: (error: Error) => void;
}>;

type Offer = RunEventOf<'job.offered'>;
type Settled = RunEventOf<'job.expired' | 'job.stale'>;

const filters = [
  allSubjects.addressed,
  allSubjects.runEvent('job.expired'),
  allSubjects.runEvent('job.stale'),
  allSubjects.runEvent('run.completed'),
];

export async function openOfferLoop(deps: Deps): Promise<OfferLoop> {
  const { journal, book, registry, log, onFailure } = deps;
  const perSession = serialQueue({ pendingMax: Number.POSITIVE_INFINITY });

  const begin = (session: number, work: () => Promise<void>): void => {
    perSession.run(String(session), work).catch((error: unknown) => {
      log.error({ err: error, session }, 'something addressed to an agent was not sent');
    });
  };
  const onMessage = (message: StoredMessage): void => {
    const event = readRunMessage(message);
    switch (event?.type) {
      case 'unreadable':
        refuseNewer(message, event.problem, log);
        break;
      case 'job.offered':
        book.offered(event);
        if (registry.mayHold({ ...event, ...event.body }, event.body.session))
          begin(event.body.session, () => deliver(deps, event));
        break;
      case 'job.expired':
      case 'job.stale': {
        const session = book.find({ ...event.body, runId: event.runId })?.session;
        if (session !== undefined && registry.seat(session) !== undefined)
          begin(session, () => settle(deps, event));
        break;
      }
      case 'run.completed':
        book.completed(event.runId);
        break;
      default:
        break;
    }
  };
  const reader = await journal.read({
    stream: 'WB_RUNS',
    filters,
    from: undefined,
    onMessage,
    onFailure,
  });
  return {
    reader,
    stop: async () => {
      await reader.stop();
      await perSession.idle();
    },
  };
}

async function deliver(deps: Deps, offer: Offer): Promise<void> {
  const { book, registry, history, log } = deps;
  const { org, runId, body } = offer;
  await registry.settled({ org, agentId: body.agentId });
  const seat = registry.seat(body.session);
  if (seat?.isOpen() !== true || seat.who.agentId !== body.agentId || seat.who.org !== org) return;
  // After the deadline nobody waits for the frame any more.
  const judged = await history.judge(offer, offer.seq, body.ackTimeoutMs);
  const held = openOffer(judged, offer);
  if (held === undefined) {
    log.info(
      { runId, seq: offer.seq, verdict: judged.verdict },
      'an offer was settled before it could be sent',
    );
    return;
  }
  const extended = seat.extensions?.fence === true;
  const sealed = dispatchFrame(judged.run, held.job, held.attempt, extended);
  const frame = sealed === undefined ? undefined : await opened(deps, sealed, { org, runId });
  if (frame === undefined || !seat.isOpen()) return;
  book.put({
    ...custodyOfAttempt(judged.run, { org, runId, ...body }, held.attempt),
    session: body.session,
  });
  seat.send(frame);
}

/** The frame with its secrets in plain text, which exist from here to the socket and nowhere else. */
async function opened(
  deps: Deps,
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

/** An offer expired, or its job was given up: the agent is told to stop it, and one that did not answer has to register again. */
async function settle(deps: Deps, event: Settled): Promise<void> {
  const { book, registry, history } = deps;
  const { runId, body } = event;
  // However long the log is away: a dispatcher offers nothing to this agent before it registers again.
  const judged = await history.judge(event, event.seq, Number.POSITIVE_INFINITY);
  // Behind an ack that its decider had not seen it is void, and nothing happens to anybody.
  if (judged.verdict !== 'valid') return;
  const attempt = attemptOf(judged.run, body.jobId, body.attempt);
  const custody = book.find({ ...body, runId });
  if (custody !== undefined) book.change(custody, { phase: 'void' });
  const seat: Seat | undefined = attempt === undefined ? undefined : registry.seat(attempt.session);
  if (seat === undefined) return;
  const job = { runId, jobId: wireJobId(body.jobId, body.attempt) };
  if (event.type === 'job.stale') {
    seat.stop(job, 'timed_out_stale');
    return;
  }
  seat.stop(job, 'ack_timeout');
  seat.close(wire.wireCloseCodes.ackTimeout, 'a dispatch was not answered in time');
}
