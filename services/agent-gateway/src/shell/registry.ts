/**
 * The sessions that this gateway holds. The newest registration of an agent wins: the older socket is told so, and from then
 * on neither its frames nor its end touch anything.
 */
import type { DispatchFrame, wire } from '@waybill/protocol';
import type { AgentKey } from '../domain/custody.ts';
import type { Identity } from '../domain/speaker.ts';

/** A registered session and its socket. */
export type Seat = Readonly<{
  who: Identity;
  /** What both sides speak; undefined for an agent of the published protocol only. */
  extensions: wire.WireExtensions | undefined;
  /** False from the moment that either side closes. */
  isOpen(): boolean;
  send(message: wire.OrchestratorMessage | DispatchFrame): void;
  close(code: wire.WireCloseCode, reason: string): void;
  /** Tells the agent to stop a job that is not its own any more, once. */
  stop(job: Readonly<{ runId: string; jobId: string }>, reason: string): void;
  /** A word against the protocol: stored, within a rate. */
  violation(code: string, detail: string): void;
  /** A newer session of the same agent is here. */
  replaced(): void;
}>;

export type Registry = Readonly<{
  seat(session: number): Seat | undefined;
  take(seat: Seat): void;
  leave(seat: Seat): void;
  /** A registration is being stored: offers to the session that it will be may already lie in the log. */
  registering(agent: AgentKey, done: Promise<void>): void;
  /** Resolves when no registration of the agent is under way. */
  settled(agent: AgentKey): Promise<void>;
  /** Whether an offer to that session may have to be sent by this gateway. */
  mayHold(agent: AgentKey, session: number): boolean;
}>;

const keyOf = ({ org, agentId }: AgentKey): string => `${org} ${agentId}`;

export function openRegistry(): Registry {
  const bySession = new Map<number, Seat>();
  const byAgent = new Map<string, Seat>();
  const underWay = new Map<string, Set<Promise<void>>>();

  const leave = (seat: Seat): void => {
    bySession.delete(seat.who.session);
    if (byAgent.get(keyOf(seat.who)) === seat) byAgent.delete(keyOf(seat.who));
  };

  return {
    seat: (session) => bySession.get(session),
    take: (seat) => {
      const key = keyOf(seat.who);
      const other = byAgent.get(key);
      // Two sockets may register at once; the log has decided which of them is the newer one.
      if (other !== undefined && other.who.session > seat.who.session) {
        seat.replaced();
        return;
      }
      if (other !== undefined) {
        leave(other);
        other.replaced();
      }
      byAgent.set(key, seat);
      bySession.set(seat.who.session, seat);
    },
    leave,
    registering: (agent, done) => {
      const key = keyOf(agent);
      const open = underWay.get(key) ?? new Set();
      underWay.set(key, open.add(done));
      void done.finally(() => {
        open.delete(done);
        if (open.size === 0) underWay.delete(key);
      });
    },
    settled: async (agent) => {
      const open = underWay.get(keyOf(agent));
      if (open !== undefined) await Promise.all(open);
    },
    mayHold: (agent, session) => bySession.has(session) || underWay.has(keyOf(agent)),
  };
}
