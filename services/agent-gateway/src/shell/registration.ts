/**
 * What a registration sets in motion: its session begins with the stored event, the agent gets its answer, and every run that it
 * had in hand learns whether it came back with the job.
 */
import { type Clock, type Logger, milestone } from '@waybill/process';
import { agentDraft, type wire, wireJobId } from '@waybill/protocol';
import type { CustodyBook } from '../domain/custody.ts';
import { isJobFrame, takesUp } from '../domain/fact.ts';
import { granted } from '../domain/grant.ts';
import type { Arrived, Effect } from '../domain/session-protocol.ts';
import { isOfItsRun } from '../domain/speaker.ts';
import type { AgentSocket } from './agent-socket.ts';
import type { FactWriter } from './fact-writer.ts';
import { openSeat, type SeatHolder } from './open-seat.ts';
import type { Reconciliation } from './reconciliation.ts';
import type { Registry, Seat } from './registry.ts';

export type RegistrationDeps = Readonly<{
  clock: Clock;
  /** As `<id>/<start>`. */
  gateway: string;
  book: CustodyBook;
  facts: FactWriter;
  registry: Registry;
  reconciliation: Reconciliation;
  log: Logger;
}>;

type Registering = Extract<Effect, { type: 'register' }>;
/** `settled`: it is compared with what runs say. */
type Ends = Readonly<{ holder: SeatHolder; settled: Promise<void> }>;

/** Resolves once the session is in the log and its agent has been answered; offers to it may follow at once. */
export async function enter(
  deps: RegistrationDeps,
  socket: AgentSocket,
  { org, scalerManaged, message, raw }: Registering,
  { holder, settled }: Ends,
): Promise<Seat> {
  const { gateway, facts, registry } = deps;
  const { agentId } = message;
  const entered = Promise.withResolvers<void>();
  // The dispatcher may see the session, and offer it work, before we hear that it is stored.
  registry.registering({ org, agentId }, entered.promise);
  // Before its own registration is read, which answers what the scaler has announced.
  const isBound = scalerManaged && registry.isExpected({ org, agentId });
  try {
    const id = `${org}:${socket.id}:registered`;
    const { seq } = await facts.store(
      agentDraft({ org, agentId, type: 'registered', id, gateway, scalerManaged, body: raw }),
    );
    const who = { org, agentId, session: seq, scalerManaged };
    milestone('registered.appended', who);
    const seat = openSeat(deps, {
      socket,
      who,
      announced: message.extensions,
      host: message,
      holder,
    });
    registry.returning(seq, settled);
    registry.take(seat);
    seat.send(registerAck(deps, seat, message, isBound));
    return seat;
  } finally {
    entered.resolve();
  }
}

function registerAck(
  { book }: RegistrationDeps,
  { who, extensions }: Seat,
  { labels, inFlightJobs = [] }: wire.AgentRegister,
  isBound: boolean,
): wire.RegisterAck {
  const { agentId, session, scalerManaged } = who;
  const inFlight = new Set(inFlightJobs.map((job) => job.jobId));
  // Its coming back settles what it never answered, which is then offered again.
  const isExpected =
    isBound ||
    (scalerManaged &&
      book.openOf(who).some((it) => !it.heard && !inFlight.has(wireJobId(it.jobId, it.attempt))));
  return {
    type: 'register.ack',
    agentId,
    labels,
    scalerManaged,
    ...(isExpected ? { pendingDispatch: true } : {}),
    ...(extensions === undefined ? {} : { sessionId: String(session), extensions }),
  };
}

/** Tells runs what the agent has brought back, and the agent what it must stop. */
export async function settleIn(
  { reconciliation, log }: RegistrationDeps,
  seat: Seat,
  inFlight: readonly wire.InFlightJob[],
  held: readonly Arrived[],
): Promise<void> {
  const { who } = seat;
  const named = held.flatMap(({ message }) =>
    isJobFrame(message) && takesUp(message) && isOfItsRun(message) ? [message.jobId] : [],
  );
  const { adopted, strays, unknown } = await reconciliation.returned(who, {
    inFlight,
    named,
    keepsApprovals: seat.extensions?.approvals === true,
  });
  const frame = 'agent.register';
  for (const { jobId } of unknown)
    seat.violation('unknown-job', `${frame}: the agent was never given this job`, { frame, jobId });
  if (unknown.length > 0)
    log.warn(
      { agent: who.agentId, session: who.session, jobs: unknown.length },
      'an agent says that it runs jobs which it was never given',
    );
  for (const job of strays) seat.stray(job);
  for (const { custody, stop } of adopted) {
    const grant = granted(custody);
    // It may not have heard of it on the old socket.
    if (stop !== null) seat.stop(grant, stop.reason, stop.force);
    // The grant may have been lost with the old socket too, and without it the agent does not start.
    else if (seat.extensions?.granted === true) seat.send(grant);
  }
}
