/**
 * One socket from its dialling to its end: it authenticates, registers and hands on what arrives. Nothing that a
 * server sends makes it throw; every connection ends exactly once, also one that never opened or fell silent.
 */
import type { Clock, Logger, Timer } from '@waybill/process';
import { wire } from '@waybill/protocol';
import { type RawData, WebSocket } from 'ws';
import type { AgentTiming } from './timing.ts';

export type ConnectionPhase =
  | 'connecting'
  | 'authenticating'
  | 'registering'
  | 'registered'
  | 'ended';
/** `refused`: the server wants this agent never again. */
export type ConnectionEnd = Readonly<{ code: number; reason: string; refused: boolean }>;

export type ConnectionOptions = Readonly<{
  url: string;
  token?: string | undefined;
  agentId: string;
  clock: Clock;
  log: Logger;
  timing: AgentTiming;
  newMessageId: () => string;
  /** Asked for when it is sent, because it lists what is in flight then. */
  registration: () => wire.AgentRegister;
  /** What the server has announced on an earlier connection, if on any: until it answers this registration, that still counts. */
  announcedBefore: () => wire.WireExtensions | undefined;
  /** `ack` is what the server said; undefined where it said nothing in time. */
  onRegistered: (extensions: wire.WireExtensions, ack: wire.RegisterAck | undefined) => void;
  onMessage: (message: wire.OrchestratorMessage) => void;
  onEnd: (end: ConnectionEnd) => void;
}>;

export type Connection = Readonly<{
  readonly phase: ConnectionPhase;
  /** Bytes that the system has not taken yet. */
  readonly unsentBytes: number;
  /** False where the socket is not open. `sent` follows once the system has taken the frame. */
  send(frame: wire.AgentMessage, sent?: () => void): boolean;
  close(): void;
}>;

const closeCodes = { normal: 1000, failed: wire.wireCloseCodes.authFailed.code } as const;
const closeWithinMs = 2_000;
const noExtensions: wire.WireExtensions = {
  fence: false,
  granted: false,
  heartbeatAck: false,
  terminalAck: false,
};

export function connect(o: ConnectionOptions): Connection {
  const { clock, log, timing } = o;
  const socket = new WebSocket(o.url, {
    maxPayload: wire.wireLimits.frameBytesMax,
    perMessageDeflate: false,
  });
  let phase: ConnectionPhase = 'connecting';
  let refusal: string | undefined;
  let heard = true;
  let deadline: Timer = clock.after(timing.answerMs, () => giveUp('no connection in time'));
  let beat: Timer | undefined;

  const within = (ms: number, run: () => void): void => {
    deadline.cancel();
    deadline = clock.after(ms, run);
  };
  const giveUp = (why: string): void => {
    log.warn({ why }, 'connection given up');
    socket.terminate();
  };
  const send: Connection['send'] = (frame, sent) => {
    if (socket.readyState !== WebSocket.OPEN) return false;
    socket.send(JSON.stringify(frame), (error) => {
      if (!error) sent?.();
    });
    return true;
  };
  const register = (): void => {
    phase = 'registering';
    send(o.registration());
    within(timing.registerFallbackMs, () => {
      log.info('no register.ack: taken as registered, with what was announced before');
      registered(o.announcedBefore() ?? noExtensions, undefined);
    });
  };
  const registered = (extensions: wire.WireExtensions, ack: wire.RegisterAck | undefined): void => {
    phase = 'registered';
    deadline.cancel();
    beat?.cancel();
    beat = clock.every(timing.heartbeatMs, keepAlive);
    o.onRegistered(extensions, ack);
  };
  const keepAlive = (): void => {
    // Every WebSocket library answers a ping: silence for a whole interval is a link that is only half there.
    if (!heard) return giveUp('the server has fallen silent');
    heard = false;
    send({ type: 'heartbeat', timestamp: clock.now() });
    if (socket.readyState === WebSocket.OPEN) socket.ping();
  };

  const onFrame = (data: RawData): void => {
    heard = true;
    const frame = wire.parseOrchestratorFrame(bytesOf(data));
    if (!frame.ok) {
      log.warn({ code: frame.code, type: frame.type, issues: frame.issues }, 'frame ignored');
      return;
    }
    const { message } = frame;
    switch (message.type) {
      case 'auth.success':
        if (phase === 'authenticating') register();
        return;
      case 'auth.failure':
        refusal = message.reason;
        socket.close(closeCodes.normal);
        within(closeWithinMs, () => socket.terminate());
        return;
      case 'register.ack':
        send({ type: 'config.ack', messageId: o.newMessageId(), agentId: o.agentId });
        registered(message.extensions ?? noExtensions, message);
        return;
      default:
        o.onMessage(message);
    }
  };

  socket.on('open', () => {
    if (o.token === undefined) return register();
    phase = 'authenticating';
    within(timing.answerMs, () => giveUp('no answer to auth.request'));
    send({ type: 'auth.request', token: o.token, protocolVersion: 1 });
  });
  socket.on('message', onFrame);
  socket.on('pong', () => {
    heard = true;
  });
  socket.on('ping', () => {
    heard = true;
  });
  socket.on('error', (error) => log.warn({ err: error }, 'connection failed'));
  socket.on('close', (code, reason) => {
    phase = 'ended';
    deadline.cancel();
    beat?.cancel();
    o.onEnd({
      code,
      reason: refusal ?? reason.toString('utf8'),
      refused: refusal !== undefined || code === closeCodes.failed,
    });
  });

  return {
    get phase() {
      return phase;
    },
    get unsentBytes() {
      return socket.bufferedAmount;
    },
    send,
    close: () => {
      socket.close(closeCodes.normal);
      within(closeWithinMs, () => socket.terminate());
    },
  };
}

function bytesOf(data: RawData): Uint8Array {
  if (Array.isArray(data)) return Buffer.concat(data);
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data;
}
