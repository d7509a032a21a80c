/**
 * Every agent that somebody has spoken of, and where those who can take a job stand for it. Who it is and what it may be offered
 * is changed on the agent itself; `settle` behind every change puts it where it then belongs.
 */
import { hasSlot, offeredLabels } from '@waybill/protocol';
import type { Agent, Seat } from './agent.ts';
import { agentKey, isBefore, isForgettable, newAgent, wantsWork } from './agent.ts';
import { createExchange, type Demand, type Exchange } from './exchange.ts';
import { createGateways, type Gateways } from './gateways.ts';
import { createRanking } from './ranking.ts';
import { asksAgainAt } from './session.ts';

export type Roster<D extends Demand> = Readonly<{
  /** Made where nobody has spoken of it before. */
  agent(org: string, agentId: string): Agent;
  known(key: string): Agent | undefined;
  all(): Iterable<Agent>;
  /** It has registered with this. */
  sit(agent: Agent, seat: Seat): void;
  /** Its registration counts no more. */
  stand(agent: Agent): void;
  settle(agent: Agent): void;
  post(demand: D): void;
  unpost(demand: D): void;
  pick(demand: D): Agent | undefined;
  /** Of those that said busy: who is to be asked again first. */
  nextAsked(): Agent | undefined;
  gateways: Gateways<Agent>;
}>;

/** Server time at which it is asked again. */
export const askedAt = ({ session }: Agent): number =>
  session === undefined ? Number.POSITIVE_INFINITY : asksAgainAt(session);

/** `onRoom`: an agent that fits it has got room. */
export function createRoster<D extends Demand>(onRoom: (demand: D) => void): Roster<D> {
  const agents = new Map<string, Agent>();
  const exchanges = new Map<string, Exchange<D, Agent>>();
  const full = createRanking<Agent>((a, b) => askedAt(a) < askedAt(b));

  const exchangeOf = (org: string): Exchange<D, Agent> => {
    const known = exchanges.get(org);
    if (known !== undefined) return known;
    const exchange = createExchange<D, Agent>(isBefore, onRoom);
    exchanges.set(org, exchange);
    return exchange;
  };
  const left = (org: string): void => {
    if (exchanges.get(org)?.isEmpty() === true) exchanges.delete(org);
  };

  const settle = (agent: Agent): void => {
    const { org, load, reserved, seat } = agent;
    if (seat !== undefined) {
      const isThere = gateways.isPresent(seat.gateway) && wantsWork(agent);
      exchangeOf(org).place(agent, isThere && hasSlot(load + reserved, seat.capacity));
    }
    if (askedAt(agent) === Number.POSITIVE_INFINITY) full.remove(agent);
    else full.place(agent);
    if (isForgettable(agent)) agents.delete(agent.key);
  };
  const gateways = createGateways<Agent>(settle);

  const stand = (agent: Agent): void => {
    const { seat, org } = agent;
    agent.seat = undefined;
    if (seat === undefined) return;
    gateways.leave(agent, seat.gateway);
    exchanges.get(org)?.leave(agent);
    left(org);
  };

  return {
    agent: (org, agentId) => {
      const key = agentKey(org, agentId);
      const agent = agents.get(key) ?? newAgent(org, agentId);
      agents.set(key, agent);
      return agent;
    },
    known: (key) => agents.get(key),
    all: () => agents.values(),
    sit: (agent, seat) => {
      stand(agent);
      agent.seat = seat;
      gateways.enter(agent, seat.gateway);
      exchangeOf(agent.org).enter(agent, offeredLabels(seat.labels));
    },
    stand,
    settle,
    post: (demand) => exchangeOf(demand.org).post(demand),
    unpost: (demand) => {
      exchanges.get(demand.org)?.unpost(demand);
      left(demand.org);
    },
    pick: (demand) => exchanges.get(demand.org)?.pick(demand),
    nextAsked: full.first,
    gateways,
  };
}
