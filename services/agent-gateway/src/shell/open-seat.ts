/** A registered session's place in the gateway: what it is sent, told to stop, and blamed for, each within a bound. */
import type { Clock } from '@waybill/process';
import { agentDraft, type wire } from '@waybill/protocol';
import { limits } from '../domain/limits.ts';
import type { Identity } from '../domain/speaker.ts';
import type { AgentSocket } from './agent-socket.ts';
import { agentLane, type FactWriter } from './fact-writer.ts';
import type { Seat } from './registry.ts';
import { violationRate } from './violation-rate.ts';

type Options = Readonly<{
  socket: AgentSocket;
  who: Identity;
  /** What the agent says it understands. */
  announced: wire.WireExtensions | undefined;
  replaced: () => void;
  facts: FactWriter;
  gateway: string;
  clock: Clock;
}>;

export function openSeat({
  socket,
  who,
  announced,
  replaced,
  facts,
  gateway,
  clock,
}: Options): Seat {
  const { org, agentId, session } = who;
  const rate = violationRate(clock);
  const told = new Set<string>();
  let violations = 0;
  return {
    who,
    extensions: announced === undefined ? undefined : spoken(announced),
    isOpen: socket.isOpen,
    send: socket.send,
    close: socket.close,
    stop: ({ runId, jobId }, reason) => {
      if (told.has(jobId) || told.size >= limits.strayJobsMax) return;
      told.add(jobId);
      socket.send({
        type: 'job.cancel',
        messageId: `cancel-${socket.id}-${told.size}`,
        runId,
        jobId,
        reason,
      });
    },
    violation: (code, detail) => {
      violations += 1;
      const violation = rate(code, detail);
      if (violation === undefined) return;
      const id = `${org}:s${session}:violation:${violations}`;
      const body = JSON.stringify(violation);
      // Kept when it can be; a violation is no reason to make anybody wait, and a gateway that stops gives it up.
      const draft = agentDraft({ org, agentId, type: 'violation', id, gateway, session, body });
      facts.within(agentLane(who), () => facts.store(draft)).catch(() => undefined);
    },
    replaced,
  };
}

/** All that we speak, as far as the agent understands it. */
const spoken = ({
  fence,
  granted,
  heartbeatAck,
  terminalAck,
}: wire.WireExtensions): wire.WireExtensions => ({
  fence,
  granted,
  heartbeatAck,
  terminalAck,
});
