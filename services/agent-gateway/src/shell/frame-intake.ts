/** Frames of registered agents, each taken to where it is stored, or answered: of a job, of the agent itself, or a request. */
import { agentDraft, type Draft } from '@waybill/protocol';
import { agentLogFact, frameId, isJobFrame, type Spoken } from '../domain/fact.ts';
import { replyTo } from '../domain/reply.ts';
import type { Arrived } from '../domain/session-protocol.ts';
import { agentLane } from './fact-writer.ts';
import { type JobIntakeDeps, takeJobFrame } from './job-intake.ts';
import type { Seat } from './registry.ts';

export type FrameIntake = Readonly<{
  /** Settles when what had to be stored is stored; undefined when nothing has to be. */
  take(seat: Seat, arrived: Arrived): Promise<void> | undefined;
}>;

type Deps = JobIntakeDeps &
  Readonly<{
    /** As `<name>/<start>`. */
    gateway: string;
  }>;

export function openFrameIntake(deps: Deps): FrameIntake {
  const { facts, gateway } = deps;
  /** Rejects that are not stored yet: an agent reports its room right behind them, and the report has to count. */
  const rejects = new WeakMap<Seat, Promise<unknown>>();
  return {
    take: (seat, { message, raw, frameNo }) => {
      const spoken: Spoken = {
        who: seat.who,
        frameNo,
        resends: seat.extensions?.terminalAck === true,
      };
      if (isJobFrame(message)) {
        const taken = takeJobFrame(deps, seat, message, raw, spoken);
        if (message.type === 'job.reject')
          rejects.set(seat, Promise.allSettled([rejects.get(seat), taken]));
        return taken;
      }
      switch (message.type) {
        case 'config.ack':
        case 'agent.status':
        case 'agent.log': {
          const { org, agentId, session } = seat.who;
          if (message.agentId !== agentId) {
            const detail = `${message.type}: agentId is not the one that registered on this socket`;
            seat.violation('foreign-agent', detail, { frame: message.type });
            return undefined;
          }
          const type = message.type === 'config.ack' ? 'config_acked' : 'status';
          const draft: Draft =
            message.type === 'agent.log'
              ? agentLogFact(seat.who, raw, frameNo)
              : agentDraft({
                  org,
                  agentId,
                  type,
                  id: frameId(spoken),
                  gateway,
                  session,
                  body: raw,
                });
          const behind = rejects.get(seat);
          return facts.within(agentLane(seat.who), async () => {
            await behind;
            await facts.store(draft);
          });
        }
        default: {
          const reply = replyTo(message);
          if (reply !== undefined) seat.send(reply);
          return undefined;
        }
      }
    },
  };
}
