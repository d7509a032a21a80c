/**
 * One agent on one socket, from the upgrade to the last fact about it. Drives the pure session protocol: frames in, effects
 * out. Reads no more while it owes the log too much, and when its socket ends says so to every run that depends on it.
 */
import type { Journal } from '@waybill/journal';
import type { Logger, Timer } from '@waybill/process';
import { wire } from '@waybill/protocol';
import type { WebSocket } from 'ws';
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
import { type Closed, openAgentSocket } from './agent-socket.ts';
import { type Fault, goodbye, leave } from './departure.ts';
import { openFlowControl, type SharedDebt } from './flow-control.ts';
import type { FrameIntake } from './frame-intake.ts';
import { startPresence } from './presence.ts';
import { enter, type RegistrationDeps, settleIn } from './registration.ts';
import type { Seat } from './registry.ts';

export type SessionDeps = RegistrationDeps &
  Readonly<{
    journal: Pick<Journal, 'append' | 'last'>;
    log: Logger;
    signIn: SignIn;
    intake: FrameIntake;
    debt: SharedDebt;
    /** Aborted when the gateway does not wait for the log any more. */
    signal: AbortSignal;
  }>;

export type Session = Readonly<{
  probe(): void;
  /** The gateway stops. */
  stop(): void;
  isStranger(): boolean;
  /** Resolves when the socket is gone and the log knows it. */
  departed: Promise<void>;
}>;

type Registering = Extract<Effect, { type: 'register' }>;

export function openSession(ws: WebSocket, deps: SessionDeps): Session {
  const { clock, log, registry, intake, signIn } = deps;
  const gone = Promise.withResolvers<Closed>();
  let state: State = initial;
  let seat: Seat | undefined;
  let registration: Promise<void> = Promise.resolve();
  let presence: Timer | undefined;
  /** By a newer session of the agent, or by somebody else's word in the log. */
  let over: 'replaced' | 'ended' | undefined;
  let fault: Fault | undefined;
  let frameNo = 0;

  const onFrame = (raw: Uint8Array, isText: boolean): void => {
    frameNo += 1;
    const frame = isText ? wire.parseAgentFrame(raw) : notText;
    const short = frame.ok ? undefined : shortened(frame, raw);
    apply({ type: 'frame', ...(short ?? { frame, raw }), frameNo });
  };
  const onBroken = (code: string, detail: string): void => run({ type: 'violation', code, detail });
  const socket = openAgentSocket(
    ws,
    { frame: onFrame, broken: onBroken, closed: gone.resolve },
    deps,
  );
  const flow = openFlowControl(socket.flow, deps.debt);
  const late = (ms: number): Timer =>
    clock.after(ms, () => apply({ type: 'late' }), { background: true });
  let timer = late(limits.authMs);

  const apply = (input: Input): void => {
    const next = step(state, input, { signIn, connectionId: socket.id });
    if (next.state.phase === 'registering' && state.phase !== 'registering') {
      timer.cancel();
      timer = late(limits.registerMs);
    }
    state = next.state;
    for (const effect of next.effects) run(effect);
    if (state.phase === 'settling') flow.holding(state.held.length, state.heldBytes);
    else flow.holding(0, 0);
  };
  const run = (effect: Effect): void => {
    switch (effect.type) {
      case 'send':
        socket.send(effect.message);
        break;
      case 'close':
        socket.close(effect.code, effect.reason);
        break;
      case 'violation':
        log.info(
          { connection: socket.id, code: effect.code, detail: effect.detail },
          'against the protocol',
        );
        seat?.violation(effect.code, effect.detail);
        break;
      case 'register':
        timer.cancel();
        registration = register(effect).catch(onDefect);
        break;
      case 'take': {
        const stored = seat === undefined ? undefined : intake.take(seat, effect.arrived);
        if (stored !== undefined) flow.owe(stored.catch(onDefect), effect.arrived.raw.length);
        break;
      }
    }
  };
  const onDefect = (error: unknown): void => {
    // What was given up in the end is told by whoever gave it up.
    if (deps.signal.aborted) return;
    log.error({ connection: socket.id, err: error }, 'a session failed');
    fault = 'session';
    socket.close(wire.wireCloseCodes.internal, 'something failed inside');
  };
  const replaced = (): void => {
    over ??= 'replaced';
    apply({ type: 'closed' });
    socket.close(wire.wireCloseCodes.goingAway, 'replaced by a newer session');
  };
  // What it has still said is kept, and the fold knows what it is worth; nothing is said of its end a second time.
  const ended = (): void => {
    over ??= 'ended';
    socket.close(
      wire.wireCloseCodes.goingAway,
      'the session was ended while this gateway was away',
    );
  };
  const register = async (effect: Registering): Promise<void> => {
    const settled = Promise.withResolvers<void>();
    try {
      seat = await enter(deps, socket, effect, { replaced, ended, settled: settled.promise });
      const { who } = seat;
      log.info(
        { connection: socket.id, agent: who.agentId, session: who.session },
        'agent registered',
      );
      if (socket.isOpen()) presence = startPresence(deps, who, effect.message);
      const held = 'held' in state ? state.held : [];
      if (over === undefined) await settleIn(deps, seat, effect.message.inFlightJobs ?? [], held);
    } finally {
      settled.resolve();
    }
    apply({ type: 'settled' });
  };
  const depart = async ({ closing, ours }: Closed): Promise<void> => {
    timer.cancel();
    apply({ type: 'closed' });
    await registration;
    presence?.cancel();
    if (seat === undefined) return;
    const { who } = seat;
    registry.leave(seat);
    seat.left();
    log.info(
      { connection: socket.id, agent: who.agentId, session: who.session, ...closing },
      'agent disconnected',
    );
    if (over === 'replaced') await goodbye(deps, who, closing);
    else if (over === undefined)
      await leave(deps, who, closing, fault ?? (ours ? 'session' : 'agent'));
  };

  return {
    probe: () => socket.probe(state.phase === 'ready'),
    stop: () => {
      fault = 'gateway';
      socket.close(wire.wireCloseCodes.goingAway, 'the gateway stops');
    },
    isStranger: () => seat === undefined,
    departed: gone.promise.then(depart).catch(onDefect),
  };
}

const notText: wire.FrameRefusal = {
  ok: false,
  code: 'not-json',
  issues: [{ path: '', message: 'expected a text frame' }],
};
