/**
 * One WebSocket as the gateway uses it: bounded in what it may leave unsent, sure to end after a close whether or not the other
 * side answers, and probed for life.
 */
import { type Clock, type Logger, newId } from '@waybill/process';
import { type DispatchFrame, wire } from '@waybill/protocol';
import type { WebSocket } from 'ws';
import { limits } from '../domain/limits.ts';

export type Closing = Readonly<{ code: number; reason: string }>;
/** `ours`: the gateway has ended it though its agent was there. */
export type Closed = Readonly<{ closing: Closing; ours: boolean }>;

export type AgentSocket = Readonly<{
  id: string;
  isOpen(): boolean;
  send(message: wire.OrchestratorMessage | DispatchFrame): void;
  /** The first call counts. */
  close(code: wire.WireCloseCode, reason: string): void;
  /** Stops reading, so that TCP slows the agent down; reads again. */
  flow(paused: boolean): void;
  /** Pings, and ends what has not answered or said a word for too long. */
  probe(isReady: boolean): void;
}>;

export type SocketEvents = Readonly<{
  frame(raw: Uint8Array, isText: boolean): void;
  /** Neither the agent nor its protocol: a frame too big, bytes that are no WebSocket frame. */
  broken(code: string, detail: string): void;
  /** Once, with our code where we closed first. */
  closed(closed: Closed): void;
}>;

type Deps = Readonly<{ clock: Clock; log: Logger }>;

const TOO_BIG = 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH';

export function openAgentSocket(
  ws: WebSocket,
  events: SocketEvents,
  { clock, log }: Deps,
): AgentSocket {
  const id = newId();
  let ended: Closed | undefined;
  let heardMs = clock.monotonicMs();
  let pongsMissed = 0;

  const end = (closing: Closing, ours: boolean): void => {
    if (ended !== undefined) return;
    ended = { closing, ours };
    // An agent that does not read would hold its socket, and what is queued for it, for ever.
    clock.after(limits.closeGraceMs, () => terminate(ws), { background: true });
  };
  const close = (code: wire.WireCloseCode, reason: string): void => {
    if (ended !== undefined) return;
    end({ code: code.code, reason }, true);
    log.debug({ connection: id, code: code.code, reason }, 'closing a socket');
    ws.close(code.code, reason);
    ws.resume();
  };
  const isOpen = (): boolean => ended === undefined && ws.readyState === ws.OPEN;

  ws.on('message', (data, isBinary) => {
    heardMs = clock.monotonicMs();
    // Who speaks is there, whether or not its library answers pings.
    pongsMissed = 0;
    // `nodebuffer`, the binary type that ws begins with, gives one Buffer.
    if (Buffer.isBuffer(data)) events.frame(data, !isBinary);
  });
  ws.on('pong', () => {
    pongsMissed = 0;
  });
  ws.on('error', (error) => {
    const code = 'code' in error ? String(error.code) : 'unknown';
    log.debug({ connection: id, code }, 'a socket is broken');
    if (code === TOO_BIG) {
      events.broken('frame-too-big', 'a frame was over the limit; nothing of it was read');
      end({ code: wire.wireCloseCodes.frameTooBig.code, reason: 'frame too big' }, true);
    } else if (code.startsWith('WS_ERR_'))
      events.broken('bad-frame', 'bytes that are no valid WebSocket frame');
  });
  ws.on('close', (code, reason) =>
    events.closed(ended ?? { closing: { code, reason: reason.toString('utf8') }, ours: false }),
  );

  return {
    id,
    isOpen,
    send: (message) => {
      if (!isOpen()) return;
      if (ws.bufferedAmount > limits.unsentBytesMax) {
        close(wire.wireCloseCodes.tryLater, 'the agent does not read');
        return;
      }
      ws.send(JSON.stringify(message), (error) => {
        if (error) log.debug({ connection: id, err: error }, 'a frame was not sent');
      });
    },
    close,
    flow: (paused) => {
      if (paused && isOpen()) ws.pause();
      if (!paused) ws.resume();
    },
    probe: (isReady) => {
      if (!isOpen()) return;
      // What is not read cannot answer; its agent is not silent, it is kept waiting.
      if (ws.isPaused) {
        pongsMissed = 0;
        heardMs = clock.monotonicMs();
      } else if (pongsMissed >= limits.pongsMissedMax) {
        end({ code: 1006, reason: 'no answer to pings' }, false);
        terminate(ws);
      } else if (isReady && clock.monotonicMs() - heardMs >= limits.silenceMs) {
        close(wire.wireCloseCodes.heartbeatTimeout, 'no word for too long');
      } else {
        pongsMissed += 1;
        ws.ping();
      }
    },
  };
}

function terminate(ws: WebSocket): void {
  if (ws.readyState === ws.CLOSED) return;
  ws.resume();
  ws.terminate();
}
