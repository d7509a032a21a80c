/**
 * Sessions that an earlier process of this gateway left open: killed, it could not say that their sockets are gone. Pure: folded
 * from WB_AGENTS. A gateway is `<name>/<start>`; another name is another gateway, whose sessions are its own affair.
 */
import type { AgentEvent } from '@waybill/protocol';
import type { Identity } from './speaker.ts';

export type Ghosts = ReadonlyMap<number, Identity>;

export const noGhosts: Ghosts = new Map();

const nameOf = (gateway: string): string => gateway.slice(0, gateway.lastIndexOf('/'));

/** The events in their order; changes the map that it returns, which begins as a copy. */
export function foldGhosts(ghosts: Ghosts, events: Iterable<AgentEvent>, self: string): Ghosts {
  const open = new Map(ghosts);
  for (const event of events) {
    if (
      event.type === 'registered' &&
      event.gateway !== self &&
      nameOf(event.gateway) === nameOf(self)
    )
      open.set(event.seq, { org: event.org, agentId: event.body.agentId, session: event.seq });
    else if (event.type === 'disconnected') open.delete(event.body.session);
  }
  return open;
}
