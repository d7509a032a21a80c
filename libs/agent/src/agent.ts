/**
 * The agent: takes what it has room for, runs it with the user's function, and reports. Between connections it goes on
 * working; what it has to say is kept. A terminal status is sent until the server has it, and the job counts as in
 * flight until then, so that a server which asks what is left never declares a finished job lost.
 */
import { type Clock, createLogger, newId } from '@waybill/process';
import { wire } from '@waybill/protocol';
import { agentLogFrame, createAgentLog } from './agent-log.ts';
import type { AgentOptions } from './agent-options.ts';
import { createDelivery } from './delivery.ts';
import { bundleFrames } from './fleet-bundle.ts';
import { hostFacts, hostLoad } from './host-facts.ts';
import { createIdleWatch, type IdleReason } from './idle-watch.ts';
import { createJobDesk } from './job-desk.ts';
import { JobAborted, type Run } from './job-handle.ts';
import { type AgentRefused, type AgentState, createLink } from './link.ts';
import { openOutbox } from './outbox.ts';
import { reconnectBackoff } from './reconnect-delay.ts';
import { createRequestDesk } from './request-desk.ts';
import { teeLogger } from './tee-logger.ts';
import { agentTiming } from './timing.ts';

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
  /** Resolves when an agent that a scaler made has had nothing to do for long enough; it takes nothing more then. */
  readonly idle: Promise<IdleReason>;
  /** Takes nothing more. True if within the time every job has ended and its status is delivered. */
  drain(o: DrainOptions): Promise<boolean>;
  /** Aborts what still runs, waits within the bound for its end and the delivery of its status, and hangs up. */
  stop(o?: DrainOptions): Promise<void>;
  /** Hangs up at once and ends what runs by force, without keeping its results: as if its host had failed. */
  abandon(o?: DrainOptions): Promise<void>;
}>;

const unsentBytesMax = 1_048_576;
const drainPollMs = 20;
const stopWithinMs = 15_000;
const deliverWithinMs = 3_000;

export function createAgent(o: AgentOptions, run: Run): Agent {
  const { clock, agentId } = o;
  const timing = { ...agentTiming, ...o.timing };
  const maxConcurrency = o.maxConcurrency ?? 1;
  const facts = o.hostFacts ?? hostFacts();
  const agentLog = o.agentLog ?? createAgentLog({ clock });
  const log = o.agentLog ? o.log : teeLogger(o.log, ownLogger(o, agentLog.destination));
  const outbox = openOutbox({ agentId, file: o.outboxFile, clock, log });
  const registered = Promise.withResolvers<void>();
  const refused = Promise.withResolvers<AgentRefused>();
  // A refusal that nobody waits for here is told by `refused`.
  registered.promise.catch(() => undefined);
  const idle = Promise.withResolvers<IdleReason>();
  const requests = createRequestDesk({ clock, send: (frame) => link.send(frame) });
  const idleWatch = createIdleWatch({
    clock,
    timing,
    onIdle: (reason) => {
      // What is dispatched from here on is rejected as draining, and goes to another agent.
      desk.close();
      log.info({ reason }, 'nothing to do: leaving');
      idle.resolve(reason);
    },
  });

  const delivery = createDelivery({
    outbox,
    backlogMax: timing.backlogMax,
    send: (frame, sent) => void link.send(frame, sent),
    onHeartbeatSent: (jobId) => desk.job(jobId)?.onHeartbeatSent(),
  });
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
    serverUrl: o.url,
    requests,
    announced: () => delivery.announced,
    keepUsage: delivery.keepUsage,
    onSize: idleWatch.onSize,
    answer: (frame) => void link.send(frame),
    post: delivery.post,
    deliver: delivery.deliver,
  });

  const onMessage = (message: wire.OrchestratorMessage): void => {
    switch (message.type) {
      case 'job.dispatch':
        return desk.onDispatch(message, delivery.session);
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
      case 'usage.ack':
        return outbox.settle(message.messageId);
      case 'nack':
        return requests.onNack(message.messageId, message.reason);
      case 'fleet.logs.request':
        for (const frame of bundleFrames(message, { ...agentLog, diagnostics }, clock))
          link.send(frame);
        return;
      case 'error':
        return log.warn({ code: message.code, text: message.message }, 'the server complains');
      default:
        return requests.onAnswer(message);
    }
  };
  const diagnostics = () => ({
    agentId,
    state: link.state,
    activeJobs: desk.size,
    inFlightJobs: desk.inFlight,
    unconfirmed: { statuses: outbox.statuses.length, usage: outbox.usage.length },
    openRequests: requests.size,
    labels: o.labels,
    maxConcurrency,
    extensions: delivery.session ?? null,
    host: facts,
    load: hostLoad(),
    at: clock.now(),
  });

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
      extensions: wire.everyExtension,
    }),
    announcedBefore: () => delivery.announced,
    onRegistered: (spoken, ack) => {
      delivery.begin(spoken);
      const { scalerManaged = false, pendingDispatch = false } = ack ?? {};
      log.info({ extensions: spoken, scalerManaged, pendingDispatch }, 'registered');
      if (ack) idleWatch.onRegistered({ scalerManaged, pendingDispatch });
      for (const job of desk.jobs) job.onSession(spoken);
      if (o.sendLog === true) agentLog.send(sendLines);
      requests.onSession(spoken);
      delivery.flush();
      registered.resolve();
    },
    onAway: (refusal) => {
      delivery.end();
      for (const job of desk.jobs) job.onSession(undefined);
      requests.onSession(undefined);
      agentLog.send(undefined);
      if (!refusal) return;
      // Nobody will take their results, and nobody can tell them to stop.
      desk.abortAll(new JobAborted('agent_refused', refusal.message, true));
      registered.reject(refusal);
      refused.resolve(refusal);
    },
    onMessage,
  });
  const sendLines = (lines: readonly string[]): void =>
    void link.send(agentLogFrame(agentId, newId(), clock.now(), lines));

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
    idle: idle.promise,
    drain: ({ withinMs }) => {
      desk.close();
      return within(
        clock,
        withinMs,
        desk.idle().then(() => (mayWait() ? outbox.empty() : undefined)),
      );
    },
    stop: async ({ withinMs } = { withinMs: stopWithinMs }) => {
      idleWatch.end();
      desk.close();
      desk.abortAll(new JobAborted('agent_stopped', 'the agent is being stopped'));
      await within(clock, withinMs, desk.idle());
      if (delivery.session)
        await within(clock, Math.min(deliverWithinMs, withinMs), outbox.empty());
      outbox.flush();
      await link.stop();
    },
    abandon: async ({ withinMs } = { withinMs: stopWithinMs }) => {
      idleWatch.end();
      desk.forget();
      const hungUp = link.stop();
      desk.abortAll(new JobAborted('agent_stopped', 'the agent is given up', true));
      await within(clock, withinMs, desk.idle());
      outbox.flush();
      await hungUp;
    },
  };
}

/** A silent logger is for its reader; whoever asks for diagnostics wants to see something. */
const ownLogger = ({ log }: AgentOptions, destination: NodeJS.WritableStream) =>
  createLogger({
    name: 'agent',
    level: log.level === 'silent' ? 'info' : log.level,
    destination,
  });

async function within(clock: Clock, ms: number, work: Promise<void>): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const timer = clock.after(ms, () => late.resolve(false));
  try {
    return await Promise.race([work.then(() => true), late.promise]);
  } finally {
    timer.cancel();
  }
}
