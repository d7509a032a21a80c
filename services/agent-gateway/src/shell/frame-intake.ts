/** Frames of registered agents, each taken to where it is stored, or answered: of a job, of the agent itself, or a request. */
import { agentDraft, type Draft, type wire, wireJobId } from '@waybill/protocol';
import type { Custody } from '../domain/custody.ts';
import { agentLogFact, frameId, isJobFrame, type Spoken } from '../domain/fact.ts';
import { isObjectFrame } from '../domain/object-request.ts';
import { replyTo } from '../domain/reply.ts';
import type { Arrived } from '../domain/session-protocol.ts';
import type { EventIntake } from './event-intake.ts';
import { agentLane } from './fact-writer.ts';
import type { FleetDesk } from './fleet-desk.ts';
import { type JobIntakeDeps, takeJobFrame } from './job-intake.ts';
import type { ObjectIntake } from './object-intake.ts';
import type { Seat } from './registry.ts';

export type FrameIntake = Readonly<{
  /** Settles when what had to be stored is stored; undefined when nothing has to be. */
  take(seat: Seat, arrived: Arrived): Promise<void> | undefined;
}>;

type Deps = JobIntakeDeps &
  Readonly<{
    /** As `<name>/<start>`. */
    gateway: string;
    events: EventIntake;
    objects: ObjectIntake;
    fleet: FleetDesk;
  }>;

export function openFrameIntake(deps: Deps): FrameIntake {
  const { book, events, facts, fleet, gateway, objects } = deps;
  /** Rejects that are not stored yet: an agent reports its room right behind them, and the report has to count. */
  const rejects = new WeakMap<Seat, Promise<unknown>>();

  const takeOwn = (
    seat: Seat,
    message: OwnFrame,
    raw: Uint8Array,
    spoken: Spoken,
  ): Promise<void> | undefined => {
    const { org, agentId, session } = seat.who;
    if (message.agentId !== agentId) {
      const detail = `${message.type}: agentId is not the one that registered on this socket`;
      seat.violation('foreign-agent', detail, { frame: message.type });
      return undefined;
    }
    // Whoever wants to see an agent's own measurements scrapes the agent: to keep them would double what an idle one costs.
    if (message.type === 'agent.metrics') return undefined;
    const type = message.type === 'config.ack' ? 'config_acked' : 'status';
    const id = frameId(spoken);
    const draft: Draft =
      message.type === 'agent.log'
        ? agentLogFact(seat.who, raw, spoken.frameNo)
        : agentDraft({ org, agentId, type, id, gateway, session, body: raw });
    const behind = rejects.get(seat);
    return facts.within(agentLane(seat.who), async () => {
      await behind;
      await facts.store(draft);
    });
  };

  return {
    take: (seat, { message: said, raw, frameNo }) => {
      const message = said.type === 'run.event' ? withJob(said, book.openOf(seat.who)) : said;
      const resends = seat.extensions?.terminalAck === true;
      const spoken: Spoken = { who: seat.who, frameNo, resends };
      if (isJobFrame(message)) {
        const taken = takeJobFrame(deps, seat, message, raw, spoken);
        if (message.type === 'job.reject')
          rejects.set(seat, Promise.allSettled([rejects.get(seat), taken]));
        return taken;
      }
      if (isObjectFrame(message)) return objects.take(seat, message, spoken);
      switch (message.type) {
        case 'config.ack':
        case 'agent.status':
        case 'agent.log':
        case 'agent.metrics':
          return takeOwn(seat, message, raw, spoken);
        case 'fleet.bundle.chunk':
        case 'fleet.bundle.error':
          return fleet.take(seat, message);
        case 'event.emit':
          return events.take(seat, message);
        default: {
          const reply = replyTo(message);
          if (reply !== undefined) seat.send(reply);
          return undefined;
        }
      }
    },
  };
}

/** What an agent says of itself. */
type OwnFrame = wire.ConfigAck | wire.AgentStatus | wire.AgentLog | wire.AgentMetrics;

/** Agents that exist name the run of a milestone, and not always the job: it is the one that they have of that run. */
function withJob(message: wire.RunEvent, inHand: readonly Custody[]): wire.RunEvent {
  if (message.jobId !== undefined) return message;
  const [custody, ...more] = inHand.filter(({ runId }) => runId === message.runId);
  if (custody === undefined || more.length > 0) return message;
  return { ...message, jobId: wireJobId(custody.jobId, custody.attempt) };
}
