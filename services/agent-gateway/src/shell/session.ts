/**
 * One agent on one socket, from the upgrade to the last fact about it. Drives the pure session protocol: frames in, effects
 * out. Reads no more while it owes the log too much or is over its rate, and when its socket ends says so to every run that
 * depends on it. An idle one is this object and little else.
 */
import type { Journal } from '@waybill/journal';
import type { Logger, Timer } from '@waybill/process';
import { wire } from '@waybill/protocol';
import { limits } from '../domain/limits.ts';
import { shortened } from '../domain/long-line.ts';
import {
  type Effect,
  type Input,
  initial,
  type SignIn,
  type State,
  step,
} from '../domain/session-protocol.ts';
import {
  AgentSocket,
  type Closed,
  type LinkedWebSocket,
  type SocketEvents,
  type Unsent,
} from './agent-socket.ts';
import { type Fault, goodbye, leave } from './departure.ts';
import { FlowControl, type SharedDebt } from './flow-control.ts';
import type { FrameIntake } from './frame-intake.ts';
import type { SeatHolder } from './open-seat.ts';
import { enter, type RegistrationDeps, settleIn } from './registration.ts';
import type { Seat } from './registry.ts';
import type { WorkSlots } from './work-slots.ts';

export type SessionDeps = RegistrationDeps &
  Readonly<{
    journal: Pick<Journal, 'append' | 'last'>;
    log: Logger;
    signIn: SignIn;
    intake: FrameIntake;
    debt: SharedDebt;
    unsent: Unsent;
    /** Registrations that are stored at once; the others wait in the order of coming. */
    admission: WorkSlots;
    /** Aborted when the gateway does not wait for the log any more. */
    signal: AbortSignal;
  }>;

/** Whoever counts the sockets. */
export type SessionHost = Readonly<{
  registered(session: Session): void;
  /** The socket is gone and the log knows it. */
  departed(session: Session): void;
}>;

type Registering = Extract<Effect, { type: 'register' }>;

export class Session implements SocketEvents, SeatHolder {
  readonly #deps: SessionDeps;
  readonly #host: SessionHost;
  readonly #socket: AgentSocket;
  #state: State = initial;
  #seat: Seat | undefined = undefined;
  /** While it is under way. */
  #registration: Promise<void> | undefined = undefined;
  #flow: FlowControl | undefined = undefined;
  #timer: Timer | undefined;
  /** By a newer session of the agent, or by somebody else's word in the log. */
  #over: 'replaced' | 'ended' | undefined = undefined;
  #fault: Fault | undefined = undefined;
  #frameNo = 0;

  constructor(ws: LinkedWebSocket, deps: SessionDeps, host: SessionHost) {
    this.#deps = deps;
    this.#host = host;
    this.#socket = new AgentSocket(ws, this, deps);
    this.#timer = this.#late(limits.authMs);
  }

  probe(): void {
    if (this.#flow?.isIdle() === true) this.#flow = undefined;
    this.#socket.probe(this.#state.phase === 'ready');
  }

  /** The gateway stops. */
  stop(): void {
    this.#fault = 'gateway';
    this.#socket.close(wire.wireCloseCodes.goingAway, 'the gateway stops');
  }

  /** Whose it is has been told: until then nothing large is taken from it. */
  isSignedIn(): boolean {
    return this.#state.phase !== 'authenticating';
  }

  /** Whatever is wrong with one frame costs its own socket alone. */
  frame(raw: Uint8Array, isText: boolean): void {
    try {
      this.#take(raw, isText);
    } catch (error) {
      this.#onDefect(error);
    }
  }

  #take(raw: Uint8Array, isText: boolean): void {
    this.#frameNo += 1;
    const frame = isText ? wire.parseAgentFrame(raw) : notText;
    this.#count(raw.length, frame);
    const short = frame.ok ? undefined : shortened(frame, raw);
    this.#apply({ type: 'frame', ...(short ?? { frame, raw }), frameNo: this.#frameNo });
  }

  broken(code: string, detail: string): void {
    this.#run({ type: 'violation', code, detail });
  }

  closed(closed: Closed): void {
    void this.#depart(closed)
      .catch((error: unknown) => this.#onDefect(error))
      .finally(() => this.#host.departed(this));
  }

  /** Over its rate: agents that know the word may write it down; those that do not, do nothing. */
  slowed(retryAfterMs: number): void {
    this.#socket.send({ type: 'rate.limit.warning', retryAfterMs });
  }

  setPaused(paused: boolean): void {
    this.#socket.flow(paused);
  }

  replaced(): void {
    this.#over ??= 'replaced';
    this.#apply({ type: 'closed' });
    this.#socket.close(wire.wireCloseCodes.goingAway, 'replaced by a newer session');
  }

  /** What it has still said is kept, and the fold knows what it is worth; nothing is said of its end a second time. */
  ended(): void {
    this.#over ??= 'ended';
    this.#socket.close(
      wire.wireCloseCodes.goingAway,
      'the session was ended while this gateway was away',
    );
  }

  #late(ms: number): Timer {
    const late = (): void => this.#apply({ type: 'late' });
    return this.#deps.clock.after(ms, late, { background: true });
  }

  #inTime(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #flowControl(): FlowControl {
    this.#flow ??= new FlowControl(this, this.#deps.clock, this.#deps.debt);
    return this.#flow;
  }

  #count(bytes: number, frame: wire.Frame<wire.AgentMessage>): void {
    const type = frame.ok ? frame.message.type : undefined;
    const isSign = type === 'heartbeat' || type === 'job.heartbeat';
    // An idle agent leaves nothing behind: neither its first words nor its signs of life.
    const isFirst = this.#frameNo <= limits.freeFramesMax && bytes <= limits.freeFrameBytesMax;
    const isLone = isSign && this.#socket.silentMs() >= limits.heartbeatFreeMs;
    if (this.#flow === undefined && (isFirst || isLone)) return;
    this.#flowControl().came(bytes, isSign ? limits.heartbeatCost : 1);
  }

  #apply(input: Input): void {
    const { signIn } = this.#deps;
    const before = this.#state;
    const next = step(before, input, { signIn, connectionId: this.#socket.id });
    if (next.state.phase === 'registering' && before.phase !== 'registering') {
      this.#inTime();
      this.#timer = this.#late(limits.registerMs);
    }
    this.#state = next.state;
    for (const effect of next.effects) this.#run(effect);
    const { phase } = this.#state;
    if (this.#state.phase === 'settling' && this.#state.held.length > 0)
      this.#flowControl().holding(this.#state.held.length, this.#state.heldBytes);
    else if (before.phase === 'settling' && phase !== 'settling') this.#flow?.holding(0, 0);
  }

  #run(effect: Effect): void {
    const { log, intake } = this.#deps;
    switch (effect.type) {
      case 'send':
        this.#socket.send(effect.message);
        break;
      case 'close':
        this.#socket.close(effect.code, effect.reason);
        break;
      case 'violation': {
        const { code, detail } = effect;
        log.info({ connection: this.#socket.id, code, detail }, 'against the protocol');
        this.#seat?.violation(code, detail);
        break;
      }
      case 'register':
        this.#inTime();
        this.#registration = this.#register(effect)
          .catch((error: unknown) => this.#onDefect(error))
          .finally(() => {
            this.#registration = undefined;
          });
        break;
      case 'take': {
        const seat = this.#seat;
        const stored = seat === undefined ? undefined : intake.take(seat, effect.arrived);
        if (stored === undefined) break;
        const settled = stored.catch((error: unknown) => this.#onDefect(error));
        this.#flowControl().owe(settled, effect.arrived.raw.length);
        break;
      }
    }
  }

  #onDefect(error: unknown): void {
    const { signal, log } = this.#deps;
    // What was given up in the end is told by whoever gave it up.
    if (signal.aborted) return;
    log.error({ connection: this.#socket.id, err: error }, 'a session failed');
    this.#fault = 'session';
    this.#socket.close(wire.wireCloseCodes.internal, 'something failed inside');
  }

  async #register(effect: Registering): Promise<void> {
    const deps = this.#deps;
    const settled = Promise.withResolvers<void>();
    try {
      const ends = { holder: this, settled: settled.promise };
      const seat = await deps.admission.run(() => enter(deps, this.#socket, effect, ends));
      this.#seat = seat;
      this.#host.registered(this);
      const { agentId, session } = seat.who;
      deps.log.info({ connection: this.#socket.id, agent: agentId, session }, 'agent registered');
      const held = 'held' in this.#state ? this.#state.held : [];
      if (this.#over === undefined)
        await settleIn(deps, seat, effect.message.inFlightJobs ?? [], held);
    } finally {
      settled.resolve();
    }
    this.#apply({ type: 'settled' });
  }

  async #depart({ closing, ours }: Closed): Promise<void> {
    const deps = this.#deps;
    this.#inTime();
    this.#apply({ type: 'closed' });
    await this.#registration;
    this.#flow?.stop();
    const seat = this.#seat;
    if (seat === undefined) return;
    const { who } = seat;
    deps.registry.leave(seat);
    seat.left();
    deps.log.info(
      { connection: this.#socket.id, agent: who.agentId, session: who.session, ...closing },
      'agent disconnected',
    );
    if (this.#over === 'replaced') await goodbye(deps, who, closing);
    else if (this.#over === undefined)
      await leave(deps, who, closing, this.#fault ?? (ours ? 'session' : 'agent'));
  }
}

const notText: wire.FrameRefusal = {
  ok: false,
  code: 'not-json',
  issues: [{ path: '', message: 'expected a text frame' }],
};
