/**
 * The agent: takes what it has room for, runs it with the user's function, and reports. Between connections it goes on
 * working; what it has to say is kept. A terminal status is sent until the server has it, and the job counts as in
 * flight until then, so that a server which asks what is left never declares a finished job lost.
 */
import { type Clock, type Logger, newId } from '@waybill/process';
import type { wire } from '@waybill/protocol';
import { createBacklog, type Report } from './backlog.ts';
import { type HostFacts, hostFacts } from './host-facts.ts';
import { createJobDesk } from './job-desk.ts';
import { JobAborted, type Run } from './job-handle.ts';
import { type AgentRefused, type AgentState, createLink } from './link.ts';
import { openOutbox } from './outbox.ts';
import { type ReconnectBackoff, reconnectBackoff } from './reconnect-delay.ts';
import { type AgentTiming, agentTiming } from './timing.ts';

export type AgentOptions = Readonly<{
  /** Dialled as it stands: `ws(s)://host:port/ws`. */
  url: string;
  token?: string | undefined;
  agentId: string;
  labels: readonly string[];
  maxConcurrency?: number;
  clock: Clock;
  log: Logger;
  /** Keeps terminal statuses across restarts of the agent's process. */
  outboxFile?: string;
  hostFacts?: HostFacts;
  backoff?: Partial<ReconnectBackoff>;
  timing?: Partial<AgentTiming>;
  random?: () => number;
}>;

export type DrainOptions = Readonly<{ withinMs: number }>;

export type Agent = Readonly<{
  readonly state: AgentState;
  readonly activeJobs: number;
  /** Begins to connect; does not wait for it. */
  start(): void;
  /** Resolves when registered for the first time; rejects with `AgentRefused`. */
  readonly registered: Promise<void>;
  /** Resolves if the server refuses this agent for good. */
  readonly refused: Promise<AgentRefused>;
  /** Takes nothing more. True if within the time every job has ended and its status is delivered. */
  drain(o: DrainOptions): Promise<boolean>;
  /** Aborts what still runs, waits within the bound for its end and the delivery of its status, and hangs up. */
  stop(o?: DrainOptions): Promise<void>;
  /** Hangs up at once and ends what runs by force, without keeping its results: as if its host had failed. */
  abandon(o?: DrainOptions): Promise<void>;
}>;

const extensionsSpoken: wire.WireExtensions = {
  fence: true,
  granted: true,
  heartbeatAck: true,
  terminalAck: true,
};
const unsentBytesMax = 1_048_576;
const drainPollMs = 20;
const stopWithinMs = 15_000;
const deliverWithinMs = 3_000;

export function createAgent(o: AgentOptions, run: Run): Agent {
  const { clock, log, agentId } = o;
  const timing = { ...agentTiming, ...o.timing };
  const maxConcurrency = o.maxConcurrency ?? 1;
  const facts = o.hostFacts ?? hostFacts();
  const outbox = openOutbox({ agentId, file: o.outboxFile, log });
  const backlog = createBacklog(timing.backlogMax);
  const registered = Promise.withResolvers<void>();
  const refused = Promise.withResolvers<AgentRefused>();
  // A refusal that nobody waits for here is told by `refused`.
  registered.promise.catch(() => undefined);
  let extensions: wire.WireExtensions | undefined;
  let lastAnnounced: wire.WireExtensions | undefined;

  const transmit = (report: Report): void => {
    link.send(report);
    if (report.type === 'job.heartbeat') desk.job(report.jobId)?.onHeartbeatSent();
  };
  const deliver = (status: wire.JobStatus): void => {
    if (extensions === undefined) return;
    const { terminalAck } = extensions;
    // Without a confirmation, what the system has taken counts as delivered.
    link.send(status, () => (terminalAck ? undefined : outbox.settle(status.messageId)));
  };

  const desk = createJobDesk({
    agentId,
    maxConcurrency,
    run,
    clock,
    log,
    timing,
    outbox,
    congestion: {
      get congested() {
        return link.unsentBytes > unsentBytesMax;
      },
      drained: async () => {
        while (link.unsentBytes > unsentBytesMax) await clock.sleep(drainPollMs);
      },
    },
    answer: (frame) => void link.send(frame),
    post: (report) => (extensions === undefined ? backlog.push(report) : transmit(report)),
    deliver,
  });

  const onMessage = (message: wire.OrchestratorMessage): void => {
    switch (message.type) {
      case 'job.dispatch':
        return desk.onDispatch(message, extensions);
      case 'job.cancel':
        // A job that is not here has ended or never came: there is nothing to say about it.
        return desk
          .job(message.jobId)
          ?.abort(new JobAborted('cancelled', message.reason, message.force === true));
      case 'job.granted':
        return desk.job(message.jobId)?.onGranted(message);
      case 'job.heartbeat.ack':
        return desk.job(message.jobId)?.onHeartbeatAck(message);
      case 'job.status.ack':
        return outbox.settle(message.messageId);
      case 'error':
        return log.warn({ code: message.code, text: message.message }, 'the server complains');
      default:
        log.debug({ type: message.type }, 'a message without effect here');
    }
  };

  const link = createLink({
    url: o.url,
    token: o.token,
    agentId,
    clock,
    log,
    timing,
    newMessageId: newId,
    backoff: { ...reconnectBackoff, ...o.backoff },
    random: o.random ?? Math.random,
    registration: () => ({
      type: 'agent.register',
      messageId: newId(),
      agentId,
      labels: o.labels,
      maxConcurrency,
      ...facts,
      ...(desk.inFlight.length === 0 ? {} : { inFlightJobs: desk.inFlight }),
      extensions: extensionsSpoken,
    }),
    announcedBefore: () => lastAnnounced,
    onRegistered: (announced) => {
      extensions = announced;
      lastAnnounced = announced;
      log.info({ extensions: announced }, 'registered');
      for (const job of desk.jobs) job.onSession(announced);
      for (const report of backlog.take()) transmit(report);
      for (const status of outbox.statuses) deliver(status);
      registered.resolve();
    },
    onAway: (refusal) => {
      extensions = undefined;
      for (const job of desk.jobs) job.onSession(undefined);
      if (!refusal) return;
      // Nobody will take their results, and nobody can tell them to stop.
      desk.abortAll(new JobAborted('agent_refused', refusal.message, true));
      registered.reject(refusal);
      refused.resolve(refusal);
    },
    onMessage,
  });

  /** While away, a result in a file may wait for the next start, and nobody wants that of a refused agent. */
  const mayWait = (): boolean =>
    link.state === 'registered' || (link.state !== 'refused' && o.outboxFile === undefined);

  return {
    get state() {
      return link.state;
    },
    get activeJobs() {
      return desk.size;
    },
    start: link.start,
    registered: registered.promise,
    refused: refused.promise,
    drain: ({ withinMs }) => {
      desk.close();
      return within(
        clock,
        withinMs,
        desk.idle().then(() => (mayWait() ? outbox.empty() : undefined)),
      );
    },
    stop: async ({ withinMs } = { withinMs: stopWithinMs }) => {
      desk.close();
      desk.abortAll(new JobAborted('agent_stopped', 'the agent is being stopped'));
      await within(clock, withinMs, desk.idle());
      if (extensions) await within(clock, Math.min(deliverWithinMs, withinMs), outbox.empty());
      await link.stop();
    },
    abandon: async ({ withinMs } = { withinMs: stopWithinMs }) => {
      desk.forget();
      const hungUp = link.stop();
      desk.abortAll(new JobAborted('agent_stopped', 'the agent is given up', true));
      await within(clock, withinMs, desk.idle());
      await hungUp;
    },
  };
}

async function within(clock: Clock, ms: number, work: Promise<void>): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const timer = clock.after(ms, () => late.resolve(false));
  try {
    return await Promise.race([work.then(() => true), late.promise]);
  } finally {
    timer.cancel();
  }
}
