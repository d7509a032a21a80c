/**
 * The agents that can be offered work, folded from WB_AGENTS and from what runs say of them. A fleet only chooses well: an offer
 * to an agent that is gone or full is settled by its deadline or its reject, never by this table being right. Deterministic and
 * without I/O; changed in place, because it is as large as the fleet and moves with every job.
 */
import type { AgentEvent, RunEvent } from '@waybill/protocol';
import { isTerminalJob } from '@waybill/protocol';

export type Member = Readonly<{
  key: string;
  agentId: string;
  /** The sequence of its `registered` event. */
  session: number;
  labels: ReadonlySet<string>;
  capacity: number;
  /** Closed until it registers again: it let an offer expire, or it drains. */
  isClosed: boolean;
  /** Server time of its last `busy`, null once it has room again. */
  busyAt: number | null;
  /** Server time since when it has had nothing to do: among equals the longest idle goes first. */
  idleSince: number;
}>;

export type Fleet = Readonly<{
  heardAgent(event: AgentEvent): void;
  /** What a run's event (folded, not void) says of the agent that holds the attempt. */
  heardRun(event: RunEvent, holder: Readonly<{ agentId: string; session: number }>): void;
  /** The agent for a job: labels all there, a slot free; least loaded first, then longest idle, then by name. */
  pick(org: string, runsOn: readonly string[], now: number): Member | undefined;
  /** The earliest server time at which a busy agent is asked again. */
  nextDue(now: number): number | undefined;
}>;

/** An agent that said busy and then nothing is asked again after this long. */
const BUSY_MS = 30_000;

/** By org and agent id: an agent belongs to exactly one org. */
export const memberKey = (org: string, agentId: string): string => `${org} ${agentId}`;

export function createFleet(load: (key: string) => number): Fleet {
  const orgs = new Map<string, Map<string, Member>>();

  const change = (org: string, member: Member, to: Partial<Member>): void => {
    orgs.get(org)?.set(member.agentId, { ...member, ...to });
  };

  return {
    heardAgent: (event) => {
      const { agentId } = event.meta;
      if (event.type === 'unreadable' || agentId === undefined) return;
      const { org } = event;
      const members = orgs.get(org) ?? new Map<string, Member>();
      const member = members.get(agentId);
      if (event.type === 'registered')
        orgs.set(org, members.set(agentId, registered(event, agentId)));
      if (event.type === 'disconnected' && member?.session === event.body.session) {
        members.delete(agentId);
        if (members.size === 0) orgs.delete(org);
      }
      if (event.type === 'status' && member !== undefined && hasRoom(member, event))
        change(org, member, { busyAt: null });
    },
    heardRun: (event, { agentId, session }) => {
      const member = orgs.get(event.org)?.get(agentId);
      if (member === undefined || member.session !== session) return;
      if (
        event.type === 'job.expired' ||
        (event.type === 'job.reject' && event.body.reason === 'draining')
      )
        change(event.org, member, { isClosed: true });
      else if (event.type === 'job.reject') change(event.org, member, { busyAt: event.at });
      else if (event.type === 'job.status' && isTerminalJob(event.body.state))
        change(event.org, member, { idleSince: event.at, busyAt: null });
    },
    pick: (org, runsOn, now) => {
      let best: Member | undefined;
      let bestLoad = 0;
      for (const member of orgs.get(org)?.values() ?? []) {
        if (member.isClosed || (member.busyAt !== null && now < member.busyAt + BUSY_MS)) continue;
        const used = load(member.key);
        if (used >= member.capacity || !runsOn.every((label) => member.labels.has(label))) continue;
        if (
          best === undefined ||
          used < bestLoad ||
          (used === bestLoad && isBefore(member, best))
        ) {
          best = member;
          bestLoad = used;
        }
      }
      return best;
    },
    nextDue: (now) => {
      let next: number | undefined;
      for (const members of orgs.values())
        for (const { busyAt, isClosed } of members.values()) {
          if (busyAt === null || isClosed || busyAt + BUSY_MS <= now) continue;
          next = Math.min(next ?? Number.POSITIVE_INFINITY, busyAt + BUSY_MS);
        }
      return next;
    },
  };
}

type AgentEventOf<T extends AgentEvent['type']> = Extract<AgentEvent, { type: T }>;

/** Capacity is 1 unless the agent says otherwise: agents of the published protocol run one job at a time and say nothing. */
const registered = (event: AgentEventOf<'registered'>, agentId: string): Member => ({
  key: memberKey(event.org, agentId),
  agentId,
  session: event.seq,
  labels: new Set(event.body.labels),
  capacity: event.body.maxConcurrency ?? 1,
  isClosed: false,
  busyAt: null,
  idleSince: event.at,
});

/** Said behind its `busy`, and on the same session: the two lie in different streams. */
const hasRoom = ({ busyAt, session, capacity }: Member, event: AgentEventOf<'status'>): boolean =>
  busyAt !== null &&
  event.at >= busyAt &&
  event.meta.session === session &&
  event.body.activeJobs < capacity;

const isBefore = (a: Member, b: Member): boolean =>
  a.idleSince < b.idleSince || (a.idleSince === b.idleSince && a.agentId < b.agentId);
