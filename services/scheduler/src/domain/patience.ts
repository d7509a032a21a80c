/**
 * Until when a deadline is left alone though it is due: words of agents may wait where nobody could store them, because the log
 * was away, nobody looked, or the gateway that holds the socket has lapsed. Deterministic and without I/O. Invariant 10.
 */
import { type AgentEvent, leaseOfGateway } from '@waybill/protocol';
import type { Deadline } from './deadline.ts';
import { createGatewayWatch, LAPSE_MS } from './gateway-watch.ts';
import { createSessionBook, type Session } from './session-book.ts';

export type Patience = Readonly<{
  /** Server time; nothing is decided about the deadline before it. */
  heardFrom(deadline: Deadline): number;
  /** What ran before `now` is heard out anew, and so is who was waited for. */
  begin(now: number): void;
  heardAgent(event: AgentEvent): void;
  /** A gateway's lease is held, or has lapsed. Gives the sessions that are back with it. */
  heardLease(lease: string, isHeld: boolean, at: number): readonly Session[];
  /** Sessions whose gateway is gone for good. */
  lost(now: number): readonly Session[];
  /** The session, where its gateway is gone for good. */
  findLost(session: number, now: number): Session | undefined;
  /** Whether its agent has not registered again since. */
  isNewest(session: Session): boolean;
  forget(session: Session): void;
  lines(): readonly string[];
  restore(lines: readonly string[]): void;
}>;

export function createPatience(): Patience {
  const book = createSessionBook();
  const gateways = createGatewayWatch();
  let from = 0;

  const named = (gateway: string, at: number): void => {
    if (gateway !== '') gateways.named(gateway, at);
  };
  const forget = ({ session, gateway }: Session): void => {
    book.forget(session);
    if (!book.hasAny(gateway)) gateways.forget(gateway);
  };

  return {
    heardFrom: ({ since, graceMs, session }) => {
      const watch = since < from ? from + graceMs : 0;
      const gateway = session === undefined ? undefined : book.find(session)?.gateway;
      const standing = gateway === undefined ? undefined : gateways.standing(gateway);
      if (standing?.is === 'lapsed') return Math.max(watch, standing.since + LAPSE_MS);
      if (standing?.is === 'held' && since < standing.backAt)
        return Math.max(watch, standing.backAt + graceMs);
      return watch;
    },
    begin: (now) => {
      from = now;
      gateways.restart(now);
    },
    heardAgent: (event) => {
      if (event.type === 'disconnected') {
        const ended = book.find(event.body.session);
        if (ended !== undefined) forget(ended);
        return;
      }
      book.heard(event);
      if (event.type === 'registered' || event.type === 'present')
        named(event.gateway, Math.max(event.at, from));
    },
    heardLease: (lease, isHeld, at) => {
      if (!isHeld) gateways.lapsed(lease, at);
      if (!isHeld || !gateways.held(lease, at)) return [];
      return book
        .gateways()
        .filter((gateway) => leaseOfGateway(gateway) === lease)
        .flatMap((gateway) => book.ofGateway(gateway));
    },
    lost: (now) =>
      book
        .gateways()
        .filter((gateway) => gateways.isLost(gateway, now))
        .flatMap((gateway) => book.ofGateway(gateway)),
    findLost: (session, now) => {
      const found = book.find(session);
      return found !== undefined && gateways.isLost(found.gateway, now) ? found : undefined;
    },
    isNewest: book.isNewest,
    forget,
    lines: book.lines,
    restore: (lines) => {
      book.restore(lines);
      for (const gateway of book.gateways()) named(gateway, 0);
    },
  };
}
