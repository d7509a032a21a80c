/**
 * The agents of all orgs, folded from WB_AGENTS, from what runs say of them, and from the leases of gateways. A fleet only chooses
 * well: an offer to an agent that is gone or full is settled by its deadline or its reject, never by this being right. The two
 * streams come in any order between them; what they leave behind is the same. Deterministic and without I/O.
 */
import type { AgentEvent, Attempt, RunEvent } from '@waybill/protocol';
import { isNewestSession, isTerminalJob } from '@waybill/protocol';
import type { Agent, Seat } from './agent.ts';
import { agentKey, decodeAgent, encodeAgent } from './agent.ts';
import type { Demand } from './exchange.ts';
import { askedAt, createRoster } from './roster.ts';
import { endedJob, newSession, saidBusy, saidRoom } from './session.ts';

export type Offeree = Readonly<{
  key: string;
  agentId: string;
  session: number;
  /** Whether the agent itself has shown that it has room. */
  room: 'assumed' | 'reported';
}>;

/** Whose attempt it is. */
export type Holder = Pick<Attempt, 'agentId' | 'session'>;

export type Fleet<D extends Demand> = Readonly<{
  heardAgent(event: AgentEvent): void;
  /** What a run's event (folded, not void) says of the agent that has the attempt. */
  heardRun(event: RunEvent, attempt: Holder): void;
  /** Of the gateway whose lease has that name. Sessions on one that does not hold its lease get no offers. */
  heardGateway(lease: string, isHeld: boolean): void;
  /** It holds one job more, or one less. `at`: server time, where that has just happened. */
  hold(org: string, agentId: string, by: 1 | -1, at?: number): void;
  /** Counts an offer that is on its way against the agent, until it is released. */
  reserve(key: string): void;
  release(key: string): void;
  post(demand: D): void;
  unpost(demand: D): void;
  /** The agent for a job: fitting and with a slot; least loaded first, then longest idle, then by name. */
  pick(demand: D): Offeree | undefined;
  /** Asks again whom nobody has heard of for long after its `busy`. */
  askAgain(now: number): void;
  /** The earliest server time at which there is somebody to ask again. */
  nextDue(): number | undefined;
  load(org: string, agentId: string): number;
  save(): readonly string[];
  /** Into an empty fleet. Throws, and changes nothing, where another version has saved. */
  restore(lines: readonly string[]): void;
}>;

/** `onRoom`: an agent that fits it has got room. */
export function createFleet<D extends Demand>(onRoom: (demand: D) => void): Fleet<D> {
  const roster = createRoster(onRoom);
  const { settle, gateways } = roster;

  const registered = (
    org: string,
    agentId: string,
    session: number,
    seat: Seat,
    at: number,
  ): void => {
    const agent = roster.agent(org, agentId);
    const { session: known } = agent;
    if (!isNewestSession(session, known?.seq) || (known?.seq === session && agent.seat)) return;
    // Its runs may have spoken of it before.
    if (known?.seq !== session) agent.session = newSession(session);
    agent.idleSince = at;
    roster.sit(agent, seat);
    settle(agent);
  };

  const left = (agent: Agent, session: number): void => {
    if (agent.session?.seq !== session) return;
    roster.stand(agent);
    agent.session = undefined;
  };
  const reported = (agent: Agent, said: number, activeJobs: number, at: number): void => {
    const { session, seat } = agent;
    if (session?.seq !== said || seat === undefined) return;
    saidRoom(session, seat.capacity - activeJobs, at);
  };

  return {
    heardAgent: (event) => {
      const { org, at, gateway } = event;
      const { agentId, session } = event.meta;
      if (event.type === 'unreadable' || agentId === undefined) return;
      if (event.type === 'registered' || event.type === 'present') {
        const { labels, maxConcurrency: capacity = 1 } = event.body;
        const seq = event.type === 'present' ? event.body.session : event.seq;
        if (event.type === 'present' && event.body.draining !== undefined) {
          const agent = roster.agent(org, agentId);
          agent.isDrained = event.body.draining !== null;
          settle(agent);
        }
        return registered(org, agentId, seq, { labels, capacity, gateway }, at);
      }
      const agent = roster.agent(org, agentId);
      if (event.type === 'draining') agent.isDrained = event.body.draining;
      else if (event.type === 'disconnected') left(agent, event.body.session);
      else if (event.type === 'status' && session !== undefined)
        reported(agent, session, event.body.activeJobs, at);
      settle(agent);
    },
    heardRun: (event, attempt) => {
      if (!tellsOfAgent(event)) return;
      const agent = roster.agent(event.org, attempt.agentId);
      if (attempt.session > (agent.session?.seq ?? 0)) {
        roster.stand(agent);
        agent.session = newSession(attempt.session);
      }
      const { session, seat } = agent;
      if (session?.seq === attempt.session) {
        if (event.type === 'job.offered') session.shown = Math.max(0, session.shown - 1);
        // The end of a session is in its runs before it is among the agents.
        else if (event.type === 'job.expired' || event.type === 'agent.lost')
          session.isClosed = true;
        else if (event.type === 'job.status') endedJob(session, seat?.capacity ?? 1);
        else if (event.type === 'job.reject' && event.body.reason === 'draining')
          session.isDraining = true;
        else saidBusy(session, event.at);
      }
      settle(agent);
    },
    heardGateway: gateways.heard,
    hold: (org, agentId, by, at) => {
      const agent = roster.agent(org, agentId);
      agent.load += by;
      if (by < 0 && at !== undefined) agent.idleSince = at;
      settle(agent);
    },
    reserve: (key) => {
      const agent = roster.known(key);
      if (agent === undefined) return;
      agent.reserved += 1;
      settle(agent);
    },
    release: (key) => {
      const agent = roster.known(key);
      if (agent === undefined) return;
      agent.reserved -= 1;
      settle(agent);
    },
    post: roster.post,
    unpost: roster.unpost,
    pick: (demand) => {
      const agent = roster.pick(demand);
      if (agent?.session === undefined) return undefined;
      const { key, agentId, session, reserved } = agent;
      const room = session.shown > reserved ? 'reported' : 'assumed';
      return { key, agentId, session: session.seq, room };
    },
    askAgain: (now) => {
      for (;;) {
        const agent = roster.nextAsked();
        if (agent?.session === undefined || askedAt(agent) > now) return;
        agent.session.fullSince = null;
        settle(agent);
      }
    },
    nextDue: () => {
      const agent = roster.nextAsked();
      return agent === undefined ? undefined : askedAt(agent);
    },
    load: (org, agentId) => roster.known(agentKey(org, agentId))?.load ?? 0,
    save: () => {
      // Sessions whose registration never came are of agents that are gone.
      for (const agent of roster.all())
        if (agent.session !== undefined && agent.seat === undefined) {
          agent.session = undefined;
          settle(agent);
        }
      const kept = [...roster.all()].filter((each) => each.isDrained || each.seat !== undefined);
      const head: Head = { version: VERSION };
      return [JSON.stringify(head), ...kept.map(encodeAgent)];
    },
    restore: ([first = '{}', ...lines]) => {
      // Written by `save`, and kept behind the snapshot's digest.
      const head = JSON.parse(first) as Partial<Head>;
      if (head.version !== VERSION) throw new Error('the fleet was saved by another version');
      const saved = lines.map(decodeAgent);
      for (const { org, agentId, isDrained, idleSince, session, seat } of saved) {
        const agent = roster.agent(org, agentId);
        Object.assign(agent, { isDrained, idleSince, session });
        if (seat !== undefined) roster.sit(agent, seat);
        settle(agent);
      }
    },
  };
}

/** Of the text in a snapshot: raised with every change of it. */
const VERSION = 2;
type Head = Readonly<{ version: number }>;

type Telling = Extract<
  RunEvent,
  { type: 'job.offered' | 'job.expired' | 'job.reject' | 'job.status' | 'agent.lost' }
>;

const tellsOfAgent = (event: RunEvent): event is Telling =>
  event.type === 'job.offered' ||
  event.type === 'job.expired' ||
  event.type === 'job.reject' ||
  event.type === 'agent.lost' ||
  (event.type === 'job.status' && isTerminalJob(event.body.state));
