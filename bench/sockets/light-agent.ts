/** One agent of the published protocol, as small as it can be: what it must answer, and the pauses between its dials. */
import { systemClock } from '@waybill/process';
import { type RawData, WebSocket } from 'ws';
import { frameText } from '../measure/frame-text.ts';
import { nowMs } from '../measure/monotonic.ts';

export type AgentPlace = Readonly<{
  agentsUrl: string;
  agentToken: string;
  agentId: string;
  labels: readonly string[];
  maxConcurrency: number;
  endsAtOnce: boolean;
}>;

/** What all agents of the process have come to. */
export type Tally = {
  registrations: number;
  lastRegisteredMs: number;
  dials: number;
  /** Upgrades that were answered with something else, connections that were refused. */
  refused: number;
  closed: Record<string, number>;
  dispatched(latencyMs: number, isRepeat: boolean): void;
};

export type Agent = Readonly<{
  /** Resolves when it has registered for the first time. */
  registered(): Promise<void>;
  isRegistered(): boolean;
  running(): number;
  heartbeat(): void;
  finish(): void;
  /** Reads nothing more; still speaks. */
  freeze(): void;
  ask(requests: number, bytes: number): void;
  leave(): Promise<void>;
}>;

type Job = Readonly<{ runId: string; jobId: string }>;
type Frame = Readonly<{ type: string }> & Readonly<Record<string, unknown>>;
type Dispatch = Job &
  Readonly<{ jobConfig: Readonly<{ dispatchInputs?: Readonly<{ sentAtMs?: number }> }> }>;

/** 1 s x 1.5^n, at most 60 s, and up to half of it more. */
const pauseMs = (failures: number): number =>
  Math.min(60_000, 1_000 * 1.5 ** failures) * (1 + Math.random() / 2);

export function openAgent(place: AgentPlace, tally: Tally): Agent {
  const { agentId } = place;
  const first = Promise.withResolvers<void>();
  const running = new Map<string, Job>();
  const known = new Set<string>();
  let socket: WebSocket | undefined;
  let isRegistered = false;
  let isLeaving = false;
  let failures = 0;
  let sent = 0;

  const send = (frame: Frame): void => {
    // As such agents do: what cannot be sent now is lost.
    if (socket?.readyState !== WebSocket.OPEN) return;
    socket.send(JSON.stringify({ ...frame, messageId: `${agentId}-${sent++}`, timestamp: wall() }));
  };
  const end = (job: Job): void => {
    running.delete(job.jobId);
    send({ type: 'job.status', ...job, state: 'success' });
  };
  const take = ({ runId, jobId, jobConfig }: Dispatch): void => {
    const job = { runId, jobId };
    const sentAtMs = jobConfig.dispatchInputs?.sentAtMs;
    tally.dispatched(sentAtMs === undefined ? Number.NaN : nowMs() - sentAtMs, known.has(jobId));
    known.add(jobId);
    running.set(jobId, job);
    send({ type: 'job.ack', ...job });
    send({ type: 'job.status', ...job, state: 'running' });
    if (place.endsAtOnce) end(job);
  };
  const register = (): void =>
    send({
      type: 'agent.register',
      agentId,
      labels: place.labels,
      maxConcurrency: place.maxConcurrency,
      ...(running.size === 0 ? {} : { inFlightJobs: [...running.values()] }),
    });
  const onFrame = (data: RawData): void => {
    // Written by the gateway under test, whose frames its own tests validate; here it would cost time.
    const frame = JSON.parse(frameText(data)) as Frame;
    switch (frame.type) {
      case 'auth.success':
        register();
        break;
      case 'register.ack':
        isRegistered = true;
        failures = 0;
        tally.registrations += 1;
        tally.lastRegisteredMs = nowMs();
        first.resolve();
        break;
      case 'job.dispatch':
        take(frame as unknown as Dispatch);
        break;
      case 'job.cancel':
        running.delete(String(frame['jobId']));
        break;
    }
  };
  const dial = (): void => {
    tally.dials += 1;
    const ws = new WebSocket(place.agentsUrl, { perMessageDeflate: true });
    socket = ws;
    let isOpened = false;
    ws.on('open', () => {
      isOpened = true;
      ws.send(
        JSON.stringify({ type: 'auth.request', token: place.agentToken, protocolVersion: 1 }),
      );
    });
    ws.on('message', onFrame);
    // 'close' follows, and says enough.
    ws.on('error', () => undefined);
    ws.once('close', (code) => {
      isRegistered = false;
      if (isLeaving) return;
      if (isOpened) tally.closed[code] = (tally.closed[code] ?? 0) + 1;
      else tally.refused += 1;
      systemClock.after(pauseMs(failures++), dial);
    });
  };
  dial();

  return {
    registered: () => first.promise,
    isRegistered: () => isRegistered,
    running: () => running.size,
    heartbeat: () => {
      if (isRegistered) send({ type: 'heartbeat' });
    },
    finish: () => {
      for (const job of running.values()) end(job);
    },
    freeze: () => socket?.pause(),
    ask: (requests, bytes) => {
      // The answer repeats the id of the request.
      const request = { type: 'agent.api.request', method: 'none', requestId: 'x'.repeat(bytes) };
      for (let asked = 0; asked < requests; asked++) send(request);
    },
    leave: async () => {
      isLeaving = true;
      if (socket === undefined || socket.readyState === WebSocket.CLOSED) return;
      const closed = Promise.withResolvers<void>();
      socket.once('close', () => closed.resolve());
      socket.close(1000);
      await closed.promise;
    },
  };
}

const wall = (): number => Math.round(performance.timeOrigin + performance.now());
