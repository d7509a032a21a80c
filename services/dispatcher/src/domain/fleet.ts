/**
 * The agents that can be offered work, folded from WB_AGENTS and from what runs say of them. Pure. A fleet only chooses well:
 * an offer to an agent that is gone or full is settled by its deadline or its reject, never by this table being right.
 */
import type { AgentEvent, RunEvent } from '@waybill/protocol';

export type Member = Readonly<{
  org: string;
  agentId: string;
  /** The sequence of its `registered` event. */
  session: number;
  labels: ReadonlySet<string>;
  capacity: number;
  /** `open` takes offers. `full` said busy and waits for its next status, `closed` until it registers again. */
  door: 'open' | 'full' | 'closed';
  /** Server time since when it has had nothing to do: among equals the longest idle goes first. */
  idleSince: number;
}>;

/** By org and agent id: an agent belongs to exactly one org. */
export type Fleet = ReadonlyMap<string, Member>;

export const emptyFleet: Fleet = new Map();
export const memberKey = (org: string, agentId: string): string => `${org} ${agentId}`;

/** Capacity is 1 unless the agent says otherwise: agents of the published protocol run one job at a time and say nothing. */
export function withAgentEvent(fleet: Fleet, event: AgentEvent): Fleet {
  if (event.type === 'unreadable' || event.meta.agentId === undefined) return fleet;
  const key = memberKey(event.org, event.meta.agentId);
  const member = fleet.get(key);
  switch (event.type) {
    case 'registered':
      return new Map(fleet).set(key, {
        org: event.org,
        agentId: event.meta.agentId,
        session: event.seq,
        labels: new Set(event.body.labels),
        capacity: event.body.maxConcurrency ?? 1,
        door: 'open',
        idleSince: event.at,
      });
    case 'disconnected':
      if (member === undefined || member.session !== event.body.session) return fleet;
      return without(fleet, key);
    case 'status':
      if (member?.door !== 'full' || event.body.activeJobs >= member.capacity) return fleet;
      return new Map(fleet).set(key, { ...member, door: 'open' });
    default:
      return fleet;
  }
}

function without(fleet: Fleet, key: string): Fleet {
  const next = new Map(fleet);
  next.delete(key);
  return next;
}

/** What a run's event (folded, not void) says of the agent that it names. */
export function withRunEvent(
  fleet: Fleet,
  event: RunEvent,
  attempt: Readonly<{ agentId: string; session: number }>,
): Fleet {
  const key = memberKey(event.org, attempt.agentId);
  const member = fleet.get(key);
  if (member === undefined || member.session !== attempt.session) return fleet;
  const set = (change: Partial<Member>): Fleet => new Map(fleet).set(key, { ...member, ...change });
  switch (event.type) {
    case 'job.expired':
      return set({ door: 'closed' });
    case 'job.reject':
      return set({ door: event.body.reason === 'draining' ? 'closed' : 'full' });
    case 'job.status':
      return set({ idleSince: event.at, door: member.door === 'full' ? 'open' : member.door });
    default:
      return fleet;
  }
}

/** Opens a full door again: an agent that said busy and then said nothing is tried once more after a while. */
export const reopened = (fleet: Fleet, key: string, session: number): Fleet => {
  const member = fleet.get(key);
  return member?.door === 'full' && member.session === session
    ? new Map(fleet).set(key, { ...member, door: 'open' })
    : fleet;
};

/** The agent for a job: labels all there, a slot free; least loaded first, then longest idle, then by name. */
export function pickMember(
  fleet: Fleet,
  org: string,
  runsOn: readonly string[],
  load: (key: string) => number,
): Member | undefined {
  let best: Member | undefined;
  let bestLoad = 0;
  for (const [key, member] of fleet) {
    if (member.org !== org || member.door !== 'open') continue;
    const used = load(key);
    if (used >= member.capacity || !runsOn.every((label) => member.labels.has(label))) continue;
    if (best === undefined || used < bestLoad || (used === bestLoad && isBefore(member, best))) {
      best = member;
      bestLoad = used;
    }
  }
  return best;
}

const isBefore = (a: Member, b: Member): boolean =>
  a.idleSince < b.idleSince || (a.idleSince === b.idleSince && a.agentId < b.agentId);
