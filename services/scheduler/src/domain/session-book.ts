/**
 * Which sessions there are and which gateway holds each, folded from WB_AGENTS. Deterministic and without I/O; changed in place,
 * because it is as large as the fleet.
 */
import type { AgentEvent } from '@waybill/protocol';

export type Session = Readonly<{
  session: number;
  org: string;
  agentId: string;
  /** As `<name>/<start>`. */
  gateway: string;
}>;

export type SessionBook = Readonly<{
  /** Its beginning or its presence; its end is told by `forget`. */
  heard(event: AgentEvent): void;
  find(session: number): Session | undefined;
  ofGateway(gateway: string): readonly Session[];
  gateways(): readonly string[];
  /** Whether a session of the gateway is known. */
  hasAny(gateway: string): boolean;
  /** Whether its agent has not registered again since. */
  isNewest(session: Session): boolean;
  forget(session: number): void;
  /** As text for a snapshot, and back. */
  lines(): readonly string[];
  restore(lines: readonly string[]): void;
}>;

export function createSessionBook(): SessionBook {
  const sessions = new Map<number, Session>();
  const byGateway = new Map<string, Map<number, Session>>();
  const newest = new Map<string, number>();

  const forget = (number: number): void => {
    const session = sessions.get(number);
    if (session === undefined) return;
    sessions.delete(number);
    const { gateway } = session;
    byGateway.get(gateway)?.delete(number);
    if (byGateway.get(gateway)?.size === 0) byGateway.delete(gateway);
    if (newest.get(agentKey(session)) === number) newest.delete(agentKey(session));
  };
  const add = (session: Session): void => {
    const { session: number, gateway } = session;
    sessions.set(number, session);
    byGateway.set(
      gateway,
      (byGateway.get(gateway) ?? new Map<number, Session>()).set(number, session),
    );
    const key = agentKey(session);
    newest.set(key, Math.max(number, newest.get(key) ?? 0));
  };

  return {
    heard: (event) => {
      if (event.type !== 'registered' && event.type !== 'present') return;
      const { org, gateway, body } = event;
      const session = event.type === 'present' ? event.body.session : event.seq;
      if (!sessions.has(session)) add({ session, org, agentId: body.agentId, gateway });
    },
    find: (session) => sessions.get(session),
    ofGateway: (gateway) => [...(byGateway.get(gateway)?.values() ?? [])],
    gateways: () => [...byGateway.keys()],
    hasAny: (gateway) => byGateway.has(gateway),
    isNewest: (session) => newest.get(agentKey(session)) === session.session,
    forget,
    lines: () => [...sessions.values()].map((session) => JSON.stringify(session)),
    restore: (lines) => {
      // Written by `lines` of this same version, and kept behind a digest.
      for (const line of lines) add(JSON.parse(line) as Session);
    },
  };
}

const agentKey = ({ org, agentId }: Session): string => `${org} ${agentId}`;
