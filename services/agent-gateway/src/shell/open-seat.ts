/** A registered session's place in the gateway: what it is sent, told to stop, and blamed for, each within a bound. */
import type { Clock } from '@waybill/process';
import { agentDraft, type wire } from '@waybill/protocol';
import { limits } from '../domain/limits.ts';
import type { Identity } from '../domain/speaker.ts';
import type { AgentSocket } from './agent-socket.ts';
import { agentLane, type FactWriter } from './fact-writer.ts';
import type { Seat } from './registry.ts';
import { type StoredViolation, violationRate } from './violation-rate.ts';

type Options = Readonly<{
  socket: AgentSocket;
  who: Identity;
  /** What the agent says it understands. */
  announced: wire.WireExtensions | undefined;
  replaced: () => void;
  ended: () => void;
  facts: FactWriter;
  gateway: string;
  clock: Clock;
}>;

const STALE = 'stale_attempt';

export function openSeat(o: Options): Seat {
  const { socket, who, announced, facts, gateway, clock } = o;
  const { org, agentId, session } = who;
  const rate = violationRate(clock);
  const sent = new Set<string>();
  /** When the agent was last told to stop a job. */
  const told = new Map<string, number>();
  let stored = 0;
  let cancels = 0;

  const stop: Seat['stop'] = ({ runId, jobId }, reason, force) => {
    cancels += 1;
    socket.send({
      type: 'job.cancel',
      messageId: `cancel-${socket.id}-${cancels}`,
      runId,
      jobId,
      reason,
      ...(force === undefined ? {} : { force }),
    });
  };
  const store = (violation: StoredViolation | undefined): void => {
    if (violation === undefined) return;
    stored += 1;
    const id = `${org}:s${session}:violation:${stored}`;
    const body = JSON.stringify(violation);
    // Kept when it can be; a violation is no reason to make anybody wait, and a gateway that stops gives it up.
    const draft = agentDraft({ org, agentId, type: 'violation', id, gateway, session, body });
    facts.within(agentLane(who), () => facts.store(draft)).catch(() => undefined);
  };
  return {
    who,
    extensions: announced === undefined ? undefined : spoken(announced),
    sent,
    isOpen: socket.isOpen,
    send: socket.send,
    dispatch: (frame, offerId) => {
      bounded(sent.add(offerId), limits.sentMax);
      socket.send(frame);
    },
    close: socket.close,
    stop,
    stray: (job) => {
      const nowMs = clock.monotonicMs();
      const toldMs = told.get(job.jobId);
      if (toldMs !== undefined && nowMs - toldMs < limits.stopAgainMs) return;
      told.delete(job.jobId);
      bounded(told.set(job.jobId, nowMs), limits.strayJobsMax);
      stop(job, STALE);
    },
    violation: (code, detail, about) => store(rate.next({ code, detail, ...about })),
    left: () => store(rate.rest()),
    replaced: o.replaced,
    ended: o.ended,
  };
}

/** What was put in first goes first. */
function bounded(
  of: Readonly<{ size: number; keys(): IterableIterator<string>; delete(key: string): boolean }>,
  max: number,
): void {
  const [oldest] = of.keys();
  if (of.size > max && oldest !== undefined) of.delete(oldest);
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
