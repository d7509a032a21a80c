/**
 * Where the lines of waiting jobs and the agents with room meet, within one org. Agents with the same labels are of one kind and
 * stand in one ranking; whether a kind fits a line is found out once, when the later of the two appears. So a pick compares the
 * first of each kind that fits, however many agents there are, and an agent that gets room is told to the lines that it fits alone.
 */
import type { Requirement } from '@waybill/protocol';
import { createRanking, type Ranking } from './ranking.ts';

/** What the jobs of one line ask for. */
export type Demand = Readonly<{
  org: string;
  fits: Requirement;
  /** The only agent that may have them. */
  agent: string | undefined;
}>;

export type Supply = { readonly agentId: string; kind: Kind | undefined };
export type Kind = Readonly<{ key: string; labels: ReadonlySet<string> }>;

export type Exchange<D extends Demand, S extends Supply> = Readonly<{
  post(demand: D): void;
  unpost(demand: D): void;
  /** It offers these labels from now on; not ready. */
  enter(supply: S, labels: ReadonlySet<string>): void;
  leave(supply: S): void;
  /** Whether it can take a job now, and where it ranks. */
  place(supply: S, isReady: boolean): void;
  pick(demand: D): S | undefined;
  isEmpty(): boolean;
}>;

type Stand<D, S> = Kind & Readonly<{ ready: Ranking<S>; everybody: Set<S>; demands: Set<D> }>;

export function createExchange<D extends Demand, S extends Supply>(
  isBefore: (a: S, b: S) => boolean,
  onRoom: (demand: D) => void,
): Exchange<D, S> {
  const stands = new Map<string, Stand<D, S>>();
  /** The stands that fit each demand; of one that names its agent none. */
  const fitting = new Map<D, Set<Stand<D, S>>>();
  const pinned = new Map<string, Set<D>>();
  const named = new Map<string, S>();

  const standOf = ({ kind }: S): Stand<D, S> | undefined =>
    kind === undefined ? undefined : stands.get(kind.key);

  const open = (labels: ReadonlySet<string>): Stand<D, S> => {
    const key = JSON.stringify([...labels].toSorted());
    const known = stands.get(key);
    if (known !== undefined) return known;
    const stand = {
      key,
      labels,
      ready: createRanking<S>(isBefore),
      everybody: new Set<S>(),
      demands: new Set<D>(),
    };
    for (const [demand, fits] of fitting)
      if (demand.agent === undefined && demand.fits(labels)) {
        fits.add(stand);
        stand.demands.add(demand);
      }
    stands.set(key, stand);
    return stand;
  };

  const leave = (supply: S): void => {
    const stand = standOf(supply);
    if (stand === undefined) return;
    supply.kind = undefined;
    stand.ready.remove(supply);
    stand.everybody.delete(supply);
    named.delete(supply.agentId);
    if (stand.everybody.size > 0) return;
    stands.delete(stand.key);
    for (const demand of stand.demands) fitting.get(demand)?.delete(stand);
  };

  const pickNamed = (demand: D, agent: string): S | undefined => {
    const supply = named.get(agent);
    const stand = supply === undefined ? undefined : standOf(supply);
    if (supply === undefined || stand?.ready.has(supply) !== true) return undefined;
    return demand.fits(stand.labels) ? supply : undefined;
  };

  return {
    post: (demand) => {
      const { agent } = demand;
      const fits = new Set<Stand<D, S>>();
      fitting.set(demand, fits);
      if (agent !== undefined) {
        pinned.set(agent, (pinned.get(agent) ?? new Set<D>()).add(demand));
        return;
      }
      for (const stand of stands.values()) {
        if (!demand.fits(stand.labels)) continue;
        fits.add(stand);
        stand.demands.add(demand);
      }
    },
    unpost: (demand) => {
      for (const stand of fitting.get(demand) ?? []) stand.demands.delete(demand);
      fitting.delete(demand);
      if (demand.agent === undefined) return;
      const demands = pinned.get(demand.agent);
      demands?.delete(demand);
      if (demands?.size === 0) pinned.delete(demand.agent);
    },
    enter: (supply, labels) => {
      leave(supply);
      const stand = open(labels);
      supply.kind = stand;
      stand.everybody.add(supply);
      named.set(supply.agentId, supply);
    },
    leave,
    place: (supply, isReady) => {
      const stand = standOf(supply);
      if (stand === undefined) return;
      const wasReady = stand.ready.has(supply);
      if (!isReady) return stand.ready.remove(supply);
      stand.ready.place(supply);
      if (wasReady) return;
      for (const demand of stand.demands) onRoom(demand);
      for (const demand of pinned.get(supply.agentId) ?? []) onRoom(demand);
    },
    pick: (demand) => {
      if (demand.agent !== undefined) return pickNamed(demand, demand.agent);
      let best: S | undefined;
      for (const stand of fitting.get(demand) ?? []) {
        const first = stand.ready.first();
        if (first !== undefined && (best === undefined || isBefore(first, best))) best = first;
      }
      return best;
    },
    isEmpty: () => stands.size === 0 && fitting.size === 0,
  };
}
