/**
 * The sessions that this gateway holds. The newest registration of an agent wins, on whichever gateway: the older socket is told so,
 * and from then on neither its frames nor its end touch anything.
 */
import { type DispatchFrame, isNewestSession, type wire } from '@waybill/protocol';
import type { AgentKey } from '../domain/custody.ts';
import type { Identity } from '../domain/speaker.ts';
import type { ViolationPlace } from './violation-rate.ts';

export type HostKind = Readonly<Pick<wire.AgentRegister, 'platform' | 'arch'>>;
export type JobName = Readonly<{ runId: string; jobId: string }>;

/** A registered session and its socket. */
export type Seat = Readonly<{
  who: Identity;
  /** What both sides speak; undefined for an agent of the published protocol only. */
  extensions: wire.WireExtensions | undefined;
  /** Of its host, as it registered: what was installed elsewhere may not run here. */
  host: HostKind;
  /** What was written to this socket, by `messageId`: agents do not recognise a repeat. */
  sent: ReadonlySet<string>;
  /** False from the moment that either side closes. */
  isOpen(): boolean;
  send(message: wire.OrchestratorMessage): void;
  dispatch(frame: DispatchFrame, offerId: string): void;
  close(code: wire.WireCloseCode, reason: string): void;
  /** Tells the agent of a decision to stop a job, by wire id. */
  stop(job: JobName, reason: string, force?: boolean): void;
  /** Tells it to stop a job that is not its own, whenever it speaks of it, at most once a second. */
  stray(job: JobName): void;
  /** A word against the protocol: stored, within a rate. */
  violation(code: string, detail: string, about?: ViolationPlace): void;
  /** The session is over: what the rate has kept back of its violations is stored. */
  left(): void;
  /** A newer session of the same agent is somewhere. */
  replaced(): void;
  /** Somebody else has said in the log that this session is over. */
  ended(): void;
}>;

export type Registry = Readonly<{
  seat(session: number): Seat | undefined;
  seatOf(agent: AgentKey): Seat | undefined;
  seats(): Iterable<Seat>;
  take(seat: Seat): void;
  leave(seat: Seat): void;
  /** A scaler has bound a queued job to an agent that is about to come. */
  expect(agent: AgentKey): void;
  /** Whether that is so, and the agent has not registered since, here or elsewhere. */
  isExpected(agent: AgentKey): boolean;
  /** A session of the agent is in the log, here or elsewhere. */
  registered(agent: AgentKey, session: number): void;
  /** A session is over, as the log says. */
  ended(session: number): void;
  /** A registration is being stored: offers to the session that it will be may already lie in the log. */
  registering(agent: AgentKey, done: Promise<void>): void;
  /** Resolves when no registration of the agent is being stored. */
  settled(agent: AgentKey): Promise<void>;
  /** The session is compared with what runs say, and jobs may move to it. */
  returning(session: number, done: Promise<void>): void;
  /** Resolves when nothing moves to the agent's session any more. */
  returned(agent: AgentKey): Promise<void>;
  /** Whether an offer to that session may have to be sent by this gateway. */
  mayHold(agent: AgentKey, session: number): boolean;
}>;

type UnderWay = { readonly stored: Set<Promise<void>>; newest: number };

/** Those that never come are forgotten: then their agent is only not told to wait. */
const expectedMax = 10_000;

const keyOf = ({ org, agentId }: AgentKey): string => `${org} ${agentId}`;

export function openRegistry(): Registry {
  const bySession = new Map<number, Seat>();
  const byAgent = new Map<string, Seat>();
  const underWay = new Map<string, UnderWay>();
  const returning = new Map<number, Promise<void>>();
  const expected = new Set<string>();

  const leave = (seat: Seat): void => {
    bySession.delete(seat.who.session);
    if (byAgent.get(keyOf(seat.who)) === seat) byAgent.delete(keyOf(seat.who));
  };
  const giveWay = (seat: Seat): void => {
    leave(seat);
    seat.replaced();
  };
  const settled = async (agent: AgentKey): Promise<void> => {
    const open = underWay.get(keyOf(agent));
    if (open !== undefined) await Promise.all(open.stored);
  };

  return {
    seat: (session) => bySession.get(session),
    seatOf: (agent) => byAgent.get(keyOf(agent)),
    seats: () => bySession.values(),
    take: (seat) => {
      const key = keyOf(seat.who);
      const other = byAgent.get(key);
      // Two sockets may register at once, here or on two gateways; the log has decided which of them is the newer one.
      const newest = Math.max(other?.who.session ?? 0, underWay.get(key)?.newest ?? 0);
      if (!isNewestSession(seat.who.session, newest)) {
        seat.replaced();
        return;
      }
      if (other !== undefined) giveWay(other);
      byAgent.set(key, seat);
      bySession.set(seat.who.session, seat);
    },
    leave,
    expect: (agent) => {
      const [oldest] = expected.add(keyOf(agent));
      if (expected.size > expectedMax && oldest !== undefined) expected.delete(oldest);
    },
    isExpected: (agent) => expected.has(keyOf(agent)),
    registered: (agent, session) => {
      const key = keyOf(agent);
      expected.delete(key);
      const open = underWay.get(key);
      if (open !== undefined) open.newest = Math.max(open.newest, session);
      const seat = byAgent.get(key);
      if (seat !== undefined && !isNewestSession(seat.who.session, session)) giveWay(seat);
    },
    ended: (session) => {
      const seat = bySession.get(session);
      if (seat === undefined) return;
      leave(seat);
      seat.ended();
    },
    registering: (agent, done) => {
      const key = keyOf(agent);
      const open = underWay.get(key) ?? { stored: new Set(), newest: 0 };
      underWay.set(key, open);
      open.stored.add(done);
      void done.finally(() => {
        open.stored.delete(done);
        if (open.stored.size === 0) underWay.delete(key);
      });
    },
    settled,
    returning: (session, done) => {
      returning.set(session, done);
      void done.finally(() => returning.delete(session));
    },
    returned: async (agent) => {
      await settled(agent);
      const seat = byAgent.get(keyOf(agent));
      if (seat !== undefined) await returning.get(seat.who.session);
    },
    mayHold: (agent, session) => bySession.has(session) || underWay.has(keyOf(agent)),
  };
}
