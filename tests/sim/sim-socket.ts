/**
 * What product code gets for the package `ws` inside the simulator: sockets with the same events and calls, over the simulated
 * network. Whoever makes one is whoever's event is being handled.
 */
import { EventEmitter } from 'node:events';
import type { End, Wire } from './network.ts';
import { stage } from './stage.ts';

type Sent = (error?: Error) => void;
type Arrival = () => void;

const state = { connecting: 0, open: 1, closing: 2, closed: 3 } as const;
const notice = { min: 0.2, max: 5 } as const;

export class WebSocket extends EventEmitter {
  static readonly CONNECTING = state.connecting;
  static readonly OPEN = state.open;
  static readonly CLOSING = state.closing;
  static readonly CLOSED = state.closed;
  readonly OPEN = state.open;
  readonly CLOSED = state.closed;
  readonly bufferedAmount = 0;
  readyState: number = state.connecting;
  isPaused = false;
  readonly #end: End;
  #wire: Wire | undefined;
  readonly #held: Arrival[] = [];

  /** An address to dial, or the connection that somebody has dialled. */
  constructor(to: string | Wire) {
    super();
    if (typeof to !== 'string') {
      this.#wire = to;
      this.#end = to.server;
      this.readyState = state.open;
      this.#listen();
      return;
    }
    const life = stage.world.current();
    if (life === undefined) throw new Error('nobody dials');
    this.#end = { life, events: undefined, isClosed: false, nextMs: 0 };
    this.#listen();
    stage.network.dial(new URL(to).hostname, life, this.#end);
  }

  send(data: string, sent?: Sent): void {
    const isOpen = this.readyState === state.open && this.#wire !== undefined;
    if (isOpen) this.#wire?.send(this.#end, { kind: 'frame', text: data, code: 0 });
    queueMicrotask(() => sent?.(isOpen ? undefined : new Error('the socket is not open')));
  }

  ping(): void {
    this.#wire?.send(this.#end, { kind: 'ping', text: '', code: 0 });
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    for (const arrival of this.#held.splice(0)) this.#arrive(arrival);
  }

  close(code = 1005, reason = ''): void {
    if (this.readyState === state.connecting) return this.terminate();
    if (this.readyState !== state.open) return;
    this.readyState = state.closing;
    this.#wire?.send(this.#end, { kind: 'close', text: reason, code });
  }

  terminate(): void {
    if (this.readyState === state.closed) return;
    this.readyState = state.closing;
    const { world } = stage;
    if (this.#wire !== undefined)
      return this.#wire.drop(this.#end, world.random.between(notice.min, notice.max));
    this.#end.isClosed = true;
    world.schedule(0, this.#end.life, 'gives up dialling', () => this.#closed(1006, ''));
  }

  #listen(): void {
    this.#end.events = {
      opened: (wire) => {
        this.#wire = wire;
        this.readyState = state.open;
        this.emit('open');
      },
      frame: (text) => this.#arrive(() => this.emit('message', Buffer.from(text), false)),
      ping: () => this.#arrive(() => this.emit('ping')),
      pong: () => this.#arrive(() => this.emit('pong')),
      closed: (code, reason) => this.#arrive(() => this.#closed(code, reason)),
    };
  }

  /** What a paused socket does not read waits. */
  #arrive(arrival: Arrival): void {
    if (this.isPaused) this.#held.push(arrival);
    else arrival();
  }

  #closed(code: number, reason: string): void {
    if (this.readyState === state.closed) return;
    const wasDialling = this.readyState === state.connecting;
    this.readyState = state.closed;
    if (wasDialling) this.emit('error', new Error('the connection was refused'));
    this.emit('close', code, Buffer.from(reason));
  }
}

/** Stands for the raw connection in an upgrade. */
export class Knock extends EventEmitter {
  readonly wire: Wire;

  constructor(wire: Wire) {
    super();
    this.wire = wire;
  }

  /** The answer to an upgrade that leads nowhere. */
  end(): void {
    this.destroy();
  }

  destroy(): void {
    this.wire.drop(this.wire.server, notice.max);
  }
}

type Made = new (to: Wire) => WebSocket;

export class WebSocketServer {
  readonly #made: Made;

  constructor({ WebSocket: made = WebSocket }: Readonly<{ WebSocket?: Made }> = {}) {
    this.#made = made;
  }

  handleUpgrade(
    _request: unknown,
    socket: unknown,
    _head: unknown,
    done: (socket: WebSocket) => void,
  ): void {
    if (!(socket instanceof Knock)) throw new TypeError('only the simulated network knocks here');
    done(new this.#made(socket.wire));
  }
}
