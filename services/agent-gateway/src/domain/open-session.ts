/**
 * Sessions of one gateway name that nobody has ended, by the process that holds them, folded from WB_AGENTS. A gateway is
 * `<id>/<start>`: another id is another gateway, another start another process of the same one. A process that was killed could
 * not say that its sockets are gone; whoever sees its lease lapse says it instead.
 */
import { type AgentEvent, gatewayId } from '@waybill/protocol';
import type { Identity } from './speaker.ts';

/** One session, as it stands in snapshots too. */
export type OpenSession = Readonly<{ gateway: string; who: Identity }>;

export type OpenSessions = Readonly<{
  /** The process that holds the session of the event, if it is one of this name. */
  heard(event: AgentEvent): string | undefined;
  of(gateway: string): readonly Identity[];
  gateways(): readonly string[];
  all(): readonly OpenSession[];
  restore(session: OpenSession): void;
}>;

export function openSessions(id: string): OpenSessions {
  const byGateway = new Map<string, Map<number, Identity>>();

  /** Names are kept once: as they were read they are pieces of their message, and might hold all of it. */
  const orgs = new Map<string, string>();

  const restore = ({ gateway, who }: OpenSession): void => {
    const org = orgs.get(who.org) ?? who.org;
    orgs.set(org, org);
    const sessions = byGateway.get(gateway) ?? new Map<number, Identity>();
    byGateway.set(gateway, sessions.set(who.session, { ...who, org }));
  };
  // One process holds a session, and few processes of one name leave any behind.
  const drop = (session: number): void => {
    for (const [gateway, sessions] of byGateway)
      if (sessions.delete(session) && sessions.size === 0) byGateway.delete(gateway);
  };
  return {
    heard: (event) => {
      if (event.type === 'disconnected') drop(event.body.session);
      if (event.type !== 'registered' && event.type !== 'present') return undefined;
      const { gateway, org, scalerManaged, body } = event;
      if (gatewayId(gateway) !== id) return undefined;
      const session = event.type === 'present' ? event.body.session : event.seq;
      restore({ gateway, who: { org, agentId: body.agentId, session, scalerManaged } });
      return gateway;
    },
    of: (gateway) => [...(byGateway.get(gateway)?.values() ?? [])],
    gateways: () => [...byGateway.keys()],
    all: () =>
      [...byGateway].flatMap(([gateway, sessions]) =>
        [...sessions.values()].map((who) => ({ gateway, who })),
      ),
    restore,
  };
}
