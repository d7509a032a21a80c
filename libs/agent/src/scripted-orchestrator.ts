/**
 * An orchestrator for tests of agents: a real WebSocket server that speaks the published protocol, answers what its
 * options say and nothing else, records every frame, and holds each against the protocol.
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { systemClock } from '@waybill/process';
import { wire } from '@waybill/protocol';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';

export type ScriptedOptions = Readonly<{
  /** With a token the agent has to authenticate with it first. */
  token?: string;
  /** Announced in `register.ack`; none when absent, as a server of the published protocol. */
  extensions?: wire.WireExtensions;
  /** `false`: registrations are not answered. */
  registerAck?: boolean;
  /** Answers `job.ack` with `job.granted`, heartbeats and terminal statuses with their acknowledgements. */
  answers?: Readonly<{
    granted?: boolean;
    heartbeat?: boolean;
    terminal?: boolean;
    usage?: boolean;
  }>;
  /** More of what `register.ack` says. */
  ack?: Readonly<{ scalerManaged?: boolean; pendingDispatch?: boolean }>;
  /** What else it answers a frame with. */
  reply?: (message: wire.AgentMessage) => readonly wire.OrchestratorMessage[];
}>;

export type ReceivedFrame = Readonly<{
  /** Counted from 1. */
  connection: number;
  message: wire.AgentMessage;
}>;

type FrameType = wire.AgentMessage['type'];
type FrameOf<T extends FrameType> = Extract<wire.AgentMessage, Readonly<{ type: T }>>;

export type ScriptedOrchestrator = Readonly<{
  readonly url: string;
  readonly connections: number;
  readonly frames: readonly ReceivedFrame[];
  /** Frames that the protocol does not allow; a test expects none. */
  readonly invalid: readonly wire.FrameRefusal[];
  of<T extends FrameType>(type: T): readonly FrameOf<T>[];
  /** The `nth` frame of the type (from 1) that fits, waited for with a bound. */
  next<T extends FrameType>(
    type: T,
    fits?: (frame: FrameOf<T>) => boolean,
    o?: Readonly<{ nth?: number; withinMs?: number }>,
  ): Promise<FrameOf<T>>;
  /** Resolves when that many connections have been made since the start. */
  connected(count: number): Promise<void>;
  send(frame: wire.OrchestratorMessage): void;
  /** Sends a text as it is, valid or not. */
  sendText(text: string): void;
  close(code: number, reason?: string): void;
  /** Cuts the line without a word. */
  cut(): void;
  /** Reads nothing more from the line and says nothing more on it, as a host that has stopped. */
  freeze(): void;
  /** Later answers follow these options. */
  behave(o: ScriptedOptions): void;
  /** Closes the door: connections are refused until `open`. */
  shut(): Promise<void>;
  open(): Promise<void>;
  stop(): Promise<void>;
}>;

const terminal: ReadonlySet<wire.WireJobState> = new Set([
  'success',
  'failed',
  'cancelled',
  'skipped',
  'drift_dropped',
]);
const leaseMs = 120_000;
const waitMs = 10_000;

type Waiter = () => void;

export async function scriptedOrchestrator(o: ScriptedOptions = {}): Promise<ScriptedOrchestrator> {
  let options = o;
  let server = await listen(0);
  const { port } = server.address() as AddressInfo; // of a TCP server, which has just been listening
  const frames: ReceivedFrame[] = [];
  const invalid: wire.FrameRefusal[] = [];
  const waiters = new Set<Waiter>();
  let connections = 0;
  let socket: WebSocket | undefined;

  const send = (frame: wire.OrchestratorMessage): void => socket?.send(JSON.stringify(frame));
  const tell = (): void => {
    for (const waiter of waiters) waiter();
  };
  const accept = (accepted: WebSocket): void => {
    connections += 1;
    const connection = connections;
    socket = accepted;
    accepted.on('error', () => undefined);
    accepted.on('message', (data: RawData) => {
      const frame = wire.parseAgentFrame(textOf(data));
      if (frame.ok) {
        frames.push({ connection, message: frame.message });
        const answers = answersTo(frame.message, options);
        for (const answer of [...answers, ...(options.reply?.(frame.message) ?? [])]) {
          accepted.send(JSON.stringify(answer));
        }
      } else invalid.push(frame);
      tell();
    });
    tell();
  };
  server.on('connection', accept);

  const until = async <T>(probe: () => T | undefined, what: string, ms = waitMs): Promise<T> => {
    const found = Promise.withResolvers<T>();
    const look = (): void => {
      const value = probe();
      if (value !== undefined) found.resolve(value);
    };
    const timer = systemClock.after(ms, () => {
      const seen = frames.map(({ message }) => message.type).join(', ');
      found.reject(new Error(`${what} did not come within ${ms} ms; came: ${seen}`));
    });
    waiters.add(look);
    look();
    try {
      return await found.promise;
    } finally {
      waiters.delete(look);
      timer.cancel();
    }
  };
  const of = <T extends FrameType>(type: T): readonly FrameOf<T>[] =>
    frames.flatMap(({ message }) => (isOf(message, type) ? [message] : []));
  const shut = async (): Promise<void> => {
    for (const client of server.clients) client.terminate();
    const closed = Promise.withResolvers<void>();
    server.close(() => closed.resolve());
    await closed.promise;
  };

  return {
    url: `ws://127.0.0.1:${port}/ws`,
    get connections() {
      return connections;
    },
    frames,
    invalid,
    of,
    next: (type, fits = () => true, { nth = 1, withinMs } = {}) =>
      until(() => of(type).filter(fits)[nth - 1], `frame ${nth} of ${type}`, withinMs),
    connected: (count) =>
      until(() => (connections >= count ? true : undefined), `connection ${count}`).then(
        () => undefined,
      ),
    send,
    sendText: (text) => socket?.send(text),
    close: (code, reason) => socket?.close(code, reason),
    cut: () => socket?.terminate(),
    freeze: () => socket?.pause(),
    behave: (changed) => {
      options = changed;
    },
    shut,
    open: async () => {
      server = await listen(port);
      server.on('connection', accept);
    },
    stop: shut,
  };
}

async function listen(port: number): Promise<WebSocketServer> {
  const maxPayload = wire.wireLimits.frameBytesMax;
  const server = new WebSocketServer({ host: '127.0.0.1', port, maxPayload });
  await once(server, 'listening');
  return server;
}

/** What a server of these options says to a frame. */
function answersTo(
  message: wire.AgentMessage,
  o: ScriptedOptions,
): readonly wire.OrchestratorMessage[] {
  switch (message.type) {
    case 'auth.request':
      return message.token === o.token
        ? [{ type: 'auth.success', connectionId: 'c1' }]
        : [{ type: 'auth.failure', reason: 'the token is not known' }];
    case 'agent.register': {
      if (o.registerAck === false) return [];
      const { agentId, labels } = message;
      const extensions = o.extensions === undefined ? {} : { extensions: o.extensions };
      return [{ type: 'register.ack', agentId, labels, ...o.ack, ...extensions }];
    }
    default:
      return acknowledgements(message, o.answers ?? {});
  }
}

function acknowledgements(
  message: wire.AgentMessage,
  answers: NonNullable<ScriptedOptions['answers']>,
): readonly wire.OrchestratorMessage[] {
  switch (message.type) {
    case 'job.ack': {
      const { runId, jobId, attempt = 1, fence = 0 } = message;
      return answers.granted ? [{ type: 'job.granted', runId, jobId, attempt, fence }] : [];
    }
    case 'job.heartbeat': {
      const { runId, jobId, attempt = 1, fence = 0 } = message;
      const held = { runId, jobId, attempt, fence };
      return answers.heartbeat ? [{ type: 'job.heartbeat.ack', ...held, leaseMs }] : [];
    }
    case 'job.status': {
      if (!answers.terminal || !terminal.has(message.state)) return [];
      const { runId, jobId, messageId } = message;
      return [{ type: 'job.status.ack', messageId, runId, jobId }];
    }
    case 'usage.report': {
      const { runId, jobId, messageId } = message;
      return answers.usage ? [{ type: 'usage.ack', messageId, runId, jobId }] : [];
    }
    default:
      return [];
  }
}

const isOf = <T extends FrameType>(message: wire.AgentMessage, type: T): message is FrameOf<T> =>
  message.type === type;

function textOf(data: RawData): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString('utf8');
  return Buffer.from(data instanceof ArrayBuffer ? new Uint8Array(data) : data).toString('utf8');
}
