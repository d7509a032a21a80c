/**
 * What a registration sets in motion: its session begins with the stored event, the agent gets its answer, and every run that it
 * had in hand learns whether it came back with the job.
 */
import type { Clock } from '@waybill/process';
import { agentDraft, type wire } from '@waybill/protocol';
import { isJobFrame } from '../domain/fact.ts';
import { granted } from '../domain/grant.ts';
import type { Arrived, Effect } from '../domain/session-protocol.ts';
import type { AgentSocket } from './agent-socket.ts';
import type { FactWriter } from './fact-writer.ts';
import { openSeat } from './open-seat.ts';
import type { Reconciliation } from './reconciliation.ts';
import type { Registry, Seat } from './registry.ts';

export type RegistrationDeps = Readonly<{
  clock: Clock;
  /** As `<name>/<start>`. */
  gateway: string;
  facts: FactWriter;
  registry: Registry;
  reconciliation: Reconciliation;
}>;

type Registering = Extract<Effect, { type: 'register' }>;

/** Resolves once the session is in the log and its agent has been answered; offers to it may follow at once. */
export async function enter(
  deps: RegistrationDeps,
  socket: AgentSocket,
  { org, message, raw }: Registering,
  replaced: () => void,
): Promise<Seat> {
  const { gateway, facts, registry } = deps;
  const { agentId, labels } = message;
  const entered = Promise.withResolvers<void>();
  // The dispatcher may see the session, and offer it work, before we hear that it is stored.
  registry.registering({ org, agentId }, entered.promise);
  try {
    const id = `${org}:${socket.id}:registered`;
    const { seq } = await facts.store(
      agentDraft({ org, agentId, type: 'registered', id, gateway, body: raw }),
    );
    const who = { org, agentId, session: seq };
    const seat = openSeat({ ...deps, socket, who, announced: message.extensions, replaced });
    registry.take(seat);
    seat.send(registerAck(seat, labels));
    return seat;
  } finally {
    entered.resolve();
  }
}

const registerAck = ({ who, extensions }: Seat, labels: readonly string[]): wire.RegisterAck => ({
  type: 'register.ack',
  agentId: who.agentId,
  labels,
  scalerManaged: false,
  ...(extensions === undefined ? {} : { sessionId: String(who.session), extensions }),
});

/** Tells runs what the agent has brought back, and the agent what it must stop. */
export async function settleIn(
  { reconciliation }: RegistrationDeps,
  seat: Seat,
  inFlight: readonly wire.InFlightJob[],
  held: readonly Arrived[],
): Promise<void> {
  // A reject is the one word that does not take the offer up.
  const named = held.flatMap(({ message }) =>
    isJobFrame(message) && message.type !== 'job.reject' ? [message.jobId] : [],
  );
  const { adopted, strays } = await reconciliation.returned(seat.who, { inFlight, named });
  for (const job of strays) seat.stop(job, 'stale_attempt');
  // The grant may have been lost with the old socket, and without it the agent does not start.
  if (seat.extensions?.granted === true) for (const custody of adopted) seat.send(granted(custody));
}
