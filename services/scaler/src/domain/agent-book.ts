/**
 * The agents of one org, from the word of a scaler that one is about to come to the end of its session: which pool made it, what it
 * offers, how much it has in hand, and whether it ever did what it was made for. Folded from WB_AGENTS, from runs and from the ends
 * of processes, in any order between them. Changed in place.
 */
import type { AgentEvent } from '@waybill/protocol';
import { isNewestSession, leaseOfGateway, offeredLabels } from '@waybill/protocol';

export type Session = Readonly<{
  seq: number;
  labels: ReadonlySet<string>;
  capacity: number;
  gateway: string;
}>;
export type Spawn = Readonly<{
  pool: string;
  jobIds: readonly string[];
  isStanding: boolean;
  labels: readonly string[];
  slots: number;
  by: string;
}>;

export type BookedAgent = {
  readonly agentId: string;
  spawn: Spawn | undefined;
  session: Session | undefined;
  load: number;
  /** A person took it out of use. */
  isDrained: boolean;
  /** It gets nothing more on this session: it said that it goes, or let an offer expire. */
  isLeaving: boolean;
  hasRegistered: boolean;
  hasWorked: boolean;
  /** Server time since when it has had no session: it is about to come, or may come back. */
  awaySince: number;
  /** Server time since when it has had nothing to do. */
  idleSince: number;
};

export type AgentBook = Readonly<{
  heard(event: AgentEvent): void;
  /** It is about to come. */
  spawned(agentId: string, spawn: Spawn, at: number): void;
  /** What runs say that it has in hand. */
  loaded(agentId: string, load: number, at: number): void;
  /** It has rejected an offer because it goes, or has let one expire. */
  left(agentId: string): void;
  heardGateway(lease: string, isHeld: boolean): void;
  /** Whatever was thought of it: there is no such process any more. */
  gone(agentId: string): void;
  agents(): Iterable<BookedAgent>;
  isPresent(session: Session): boolean;
}>;

export type AgentBookOptions = Readonly<{
  org: string;
  /** This process, as its `spawned` events name it: the ends of its agents it hears of itself. */
  by: string;
  load: (agentId: string) => number;
  onProven: (agent: BookedAgent) => void;
  /** It is in the book no more. */
  onEnd: (agent: BookedAgent) => void;
}>;

type Ended = Extract<AgentEvent, { type: 'disconnected' }>['body'];

/** Closed by a gateway, or lost with one. */
const isByWaybill = ({ code, reason }: Ended): boolean =>
  code >= 4_000 || [1_001, 1_012, 1_013].includes(code) || reason === 'gateway_restarted';

export function createAgentBook({
  org,
  by: self,
  load,
  onProven,
  onEnd,
}: AgentBookOptions): AgentBook {
  const agents = new Map<string, BookedAgent>();
  const gateways = new Set<string>();
  /** A person's word outlasts sessions. */
  const drained = new Set<string>();

  const known = (agentId: string): BookedAgent => {
    const found = agents.get(agentId);
    if (found !== undefined) return found;
    const inHand = load(agentId);
    const agent: BookedAgent = {
      agentId,
      spawn: undefined,
      session: undefined,
      load: inHand,
      isDrained: drained.has(agentId),
      isLeaving: false,
      hasRegistered: false,
      hasWorked: inHand > 0,
      awaySince: 0,
      idleSince: 0,
    };
    agents.set(agentId, agent);
    return agent;
  };
  const spawned = (agentId: string, spawn: Spawn, at: number): void => {
    const agent = known(agentId);
    agent.spawn = spawn;
    agent.awaySince = at;
  };
  const gone = (agentId: string): void => {
    const agent = agents.get(agentId);
    if (agent === undefined) return;
    agents.delete(agentId);
    onEnd(agent);
  };
  const registered = (agentId: string, session: Session, at: number): void => {
    const agent = known(agentId);
    if (!isNewestSession(session.seq, agent.session?.seq)) return;
    if (agent.session?.seq === session.seq) return;
    agent.session = session;
    agent.isLeaving = false;
    agent.hasRegistered = true;
    agent.idleSince = at;
    // One that is kept ready has done what it was made for by being there.
    if (agent.load > 0 || agent.spawn?.jobIds.length === 0) onProven(agent);
  };
  /** One that a scaler made may have lost its gateway only, and then comes back; what it ends itself is its end. */
  const ended = (agentId: string, end: Ended, at: number): void => {
    const agent = agents.get(agentId);
    if (agent?.session?.seq !== end.session) return;
    agent.session = undefined;
    agent.awaySince = at;
    const { spawn } = agent;
    if (spawn === undefined || (spawn.by !== self && !isByWaybill(end))) gone(agentId);
  };
  const drain = (agentId: string, isDrained: boolean): void => {
    if (isDrained) drained.add(agentId);
    else drained.delete(agentId);
    const agent = agents.get(agentId);
    if (agent !== undefined) agent.isDrained = isDrained;
  };

  return {
    heard: (event) => {
      const { agentId } = event.meta;
      if (event.org !== org || event.type === 'unreadable' || agentId === undefined) return;
      const { at, gateway } = event;
      switch (event.type) {
        case 'spawned': {
          const {
            pool,
            jobIds,
            standing: isStanding,
            labels,
            maxConcurrency: slots,
            by,
          } = event.body;
          return spawned(agentId, { pool, jobIds, isStanding, labels, slots, by }, at);
        }
        case 'registered':
        case 'present': {
          const { labels, maxConcurrency: capacity = 1 } = event.body;
          const seq = event.type === 'present' ? event.body.session : event.seq;
          registered(agentId, { seq, labels: offeredLabels(labels), capacity, gateway }, at);
          if (event.type === 'present' && event.body.draining !== undefined)
            drain(agentId, event.body.draining !== null);
          return;
        }
        case 'draining':
          return drain(agentId, event.body.draining);
        case 'disconnected':
          return ended(agentId, event.body, at);
        default:
      }
    },
    loaded: (agentId, now, at) => {
      const agent = agents.get(agentId);
      if (agent === undefined) return;
      if (now === 0 && agent.load > 0) agent.idleSince = at;
      agent.load = now;
      if (now === 0 || agent.hasWorked) return;
      agent.hasWorked = true;
      onProven(agent);
    },
    left: (agentId) => {
      const agent = agents.get(agentId);
      if (agent !== undefined) agent.isLeaving = true;
    },
    heardGateway: (lease, isHeld) => {
      if (isHeld) gateways.add(lease);
      else gateways.delete(lease);
    },
    spawned,
    gone,
    agents: () => agents.values(),
    isPresent: ({ gateway }) => gateways.has(leaseOfGateway(gateway)),
  };
}
