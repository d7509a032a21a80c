/**
 * One WebSocket as the gateway uses it: bounded in what it may leave unsent, sure to end after a close whether or not the other
 * side answers, and probed for life. Nearly all of them are idle at any time, so methods and listeners are shared by all.
 */
import { type Clock, type Logger, newId } from '@waybill/process';
import { type DispatchFrame, wire } from '@waybill/protocol';
import { type RawData, WebSocket } from 'ws';
import { limits } from '../domain/limits.ts';

export type Closing = Readonly<{ code: number; reason: string }>;
/** `ours`: the gateway has ended it though its agent was there. */
export type Closed = Readonly<{ closing: Closing; ours: boolean }>;

export type SocketEvents = Readonly<{
  frame(raw: Uint8Array, isText: boolean): void;
  /** Neither the agent nor its protocol: a frame too big, bytes that are no WebSocket frame. */
  broken(code: string, detail: string): void;
  /** Once, with our code where we closed first. */
  closed(closed: Closed): void;
}>;

/** What all sockets of one gateway have not sent yet, in bytes. */
export type Unsent = { bytes: number };
type Deps = Readonly<{ clock: Clock; log: Logger; unsent: Unsent }>;

/** A WebSocket that knows whose it is, so that no listener has to. */
export class LinkedWebSocket extends WebSocket {
  agent: AgentSocket | undefined = undefined;
}

const TOO_BIG = 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH';

export class AgentSocket {
  readonly id = newId();
  readonly #ws: LinkedWebSocket;
  readonly #events: SocketEvents;
  readonly #deps: Deps;
  #ended: Closed | undefined = undefined;
  #heardMs: number;
  #pongsMissed = 0;

  constructor(ws: LinkedWebSocket, events: SocketEvents, deps: Deps) {
    this.#ws = ws;
    this.#events = events;
    this.#deps = deps;
    this.#heardMs = wholeMs(deps.clock);
    ws.agent = this;
    ws.on('message', onMessage);
    ws.on('pong', onPong);
    ws.on('error', onError);
    ws.on('close', onClose);
  }

  isOpen(): boolean {
    return this.#ended === undefined && this.#ws.readyState === WebSocket.OPEN;
  }

  /** Since the agent said a word. */
  silentMs(): number {
    return wholeMs(this.#deps.clock) - this.#heardMs;
  }

  send(message: wire.OrchestratorMessage | DispatchFrame): void {
    if (!this.isOpen()) return;
    const { unsent, log } = this.#deps;
    const waiting = this.#ws.bufferedAmount;
    // When all of them together have too much, whoever does not read gives way to those who do.
    const most =
      unsent.bytes > limits.unsentBytesOfAllMax ? limits.unsentShareBytes : limits.unsentBytesMax;
    if (waiting > most) {
      this.close(wire.wireCloseCodes.tryLater, 'the agent does not read');
      return;
    }
    const text = JSON.stringify(message);
    unsent.bytes += text.length;
    this.#ws.send(text, (error) => {
      unsent.bytes -= text.length;
      if (error) log.debug({ connection: this.id, err: error }, 'a frame was not sent');
    });
  }

  /** The first call counts. */
  close(code: wire.WireCloseCode, reason: string): void {
    if (this.#ended !== undefined) return;
    this.#end({ code: code.code, reason }, true);
    this.#deps.log.debug({ connection: this.id, code: code.code, reason }, 'closing a socket');
    this.#ws.close(code.code, reason);
    this.#ws.resume();
  }

  /** Stops reading, so that TCP slows the agent down; reads again. */
  flow(paused: boolean): void {
    if (paused && this.isOpen()) this.#ws.pause();
    if (!paused) this.#ws.resume();
  }

  /** Pings, and ends what has not answered or said a word for too long. */
  probe(isReady: boolean): void {
    if (!this.isOpen()) return;
    // What is not read cannot answer; its agent is not silent, it is kept waiting.
    if (this.#ws.isPaused) this.#isHeard();
    else if (this.#pongsMissed >= limits.pongsMissedMax) {
      this.#end({ code: 1006, reason: 'no answer to pings' }, false);
      terminate(this.#ws);
    } else if (isReady && this.silentMs() >= limits.silenceMs) {
      this.close(wire.wireCloseCodes.heartbeatTimeout, 'no word for too long');
    } else {
      this.#pongsMissed += 1;
      this.#ws.ping();
    }
  }

  /** Called by the listeners below. */
  onMessage(data: RawData, isBinary: boolean): void {
    // `nodebuffer`, the binary type that ws begins with, gives one Buffer.
    if (Buffer.isBuffer(data)) this.#events.frame(data, !isBinary);
    this.#isHeard();
  }

  onPong(): void {
    this.#pongsMissed = 0;
  }

  onError(error: Error): void {
    const code = 'code' in error ? String(error.code) : 'unknown';
    this.#deps.log.debug({ connection: this.id, code }, 'a socket is broken');
    if (code === TOO_BIG) {
      this.#events.broken('frame-too-big', 'a frame was over the limit; nothing of it was read');
      this.#end({ code: wire.wireCloseCodes.frameTooBig.code, reason: 'frame too big' }, true);
    } else if (code.startsWith('WS_ERR_'))
      this.#events.broken('bad-frame', 'bytes that are no valid WebSocket frame');
  }

  onClose(code: number, reason: Buffer): void {
    this.#ws.agent = undefined;
    this.#events.closed(
      this.#ended ?? { closing: { code, reason: reason.toString('utf8') }, ours: false },
    );
  }

  /** Who speaks is there, whether or not its library answers pings. */
  #isHeard(): void {
    this.#heardMs = wholeMs(this.#deps.clock);
    this.#pongsMissed = 0;
  }

  #end(closing: Closing, ours: boolean): void {
    if (this.#ended !== undefined) return;
    this.#ended = { closing, ours };
    const ws = this.#ws;
    // An agent that does not read would hold its socket, and what is queued for it, for ever.
    this.#deps.clock.after(limits.closeGraceMs, () => terminate(ws), { background: true });
  }
}

function onMessage(this: WebSocket, data: RawData, isBinary: boolean): void {
  if (this instanceof LinkedWebSocket) this.agent?.onMessage(data, isBinary);
}
function onPong(this: WebSocket): void {
  if (this instanceof LinkedWebSocket) this.agent?.onPong();
}
function onError(this: WebSocket, error: Error): void {
  if (this instanceof LinkedWebSocket) this.agent?.onError(error);
}
function onClose(this: WebSocket, code: number, reason: Buffer): void {
  if (this instanceof LinkedWebSocket) this.agent?.onClose(code, reason);
}

function terminate(ws: WebSocket): void {
  if (ws.readyState === WebSocket.CLOSED) return;
  ws.resume();
  ws.terminate();
}

/** Whole numbers stand in their object and cost no memory of their own. */
const wholeMs = (clock: Clock): number => Math.floor(clock.monotonicMs());
