/**
 * One socket, from its first frame to its last: authenticate, register, be ready. Pure: frames and lateness in, effects out.
 * Frames that come before the registration is done are held and taken in their order behind it, even if the socket is gone by
 * then: they may be the last word of a job.
 */
import { wire } from '@waybill/protocol';
import { limits } from './limits.ts';

/** A frame as it came, with what was read of it. `frameNo` counts the frames of the socket, from 1. */
export type Arrived = Readonly<{ message: wire.AgentMessage; raw: Uint8Array; frameNo: number }>;

type Holding = Readonly<{ held: readonly Arrived[]; heldBytes: number }>;

export type State =
  | Readonly<{ phase: 'authenticating' }>
  | (Readonly<{ phase: 'registering'; signedIn: SignedIn }> & Holding)
  /** The registration is being stored and compared with what runs say. */
  | (Readonly<{ phase: 'settling' }> & Holding)
  | Readonly<{ phase: 'ready' }>
  | (Readonly<{ phase: 'closed' }> & Holding);

export type Input =
  | Readonly<{
      type: 'frame';
      frame: wire.Frame<wire.AgentMessage>;
      raw: Uint8Array;
      frameNo: number;
    }>
  /** The time to authenticate or register is over. */
  | Readonly<{ type: 'late' }>
  /** The registration is stored and settled. */
  | Readonly<{ type: 'settled' }>
  | Readonly<{ type: 'closed' }>;

export type Effect =
  | Readonly<{ type: 'send'; message: wire.OrchestratorMessage }>
  | Readonly<{ type: 'close'; code: wire.WireCloseCode; reason: string }>
  | (Readonly<{ type: 'register'; message: wire.AgentRegister; raw: Uint8Array }> & SignedIn)
  | Readonly<{ type: 'take'; arrived: Arrived }>
  | Readonly<{ type: 'violation'; code: string; detail: string }>;

export type Step = Readonly<{ state: State; effects: readonly Effect[] }>;

/** Whose a token is. */
export type SignedIn = Readonly<{ org: string; scalerManaged: boolean }>;
/** Undefined for a token that is not good. */
export type SignIn = (token: string) => SignedIn | undefined;
export type Context = Readonly<{ signIn: SignIn; connectionId: string }>;

export const initial: State = { phase: 'authenticating' };
/** One for all: thousands of sockets are in it. */
const ready: State = { phase: 'ready' };

const { wireCloseCodes: codes } = wire;
const nothing: Holding = { held: [], heldBytes: 0 };
const LATE = {
  authenticating: 'no auth.request in time',
  registering: 'no agent.register in time',
} as const;

export function step(state: State, input: Input, context: Context): Step {
  switch (input.type) {
    case 'frame':
      return state.phase === 'closed' ? { state, effects: [] } : onFrame(state, input, context);
    case 'late':
      if (state.phase !== 'authenticating' && state.phase !== 'registering')
        return { state, effects: [] };
      return closing(state, codes.timeout, LATE[state.phase]);
    case 'settled': {
      const held = 'held' in state ? state.held : [];
      const next: State = state.phase === 'closed' ? { phase: 'closed', ...nothing } : ready;
      return { state: next, effects: held.map((arrived) => ({ type: 'take', arrived })) };
    }
    case 'closed':
      return { state: closed(state), effects: [] };
  }
}

type FrameInput = Extract<Input, { type: 'frame' }>;
type Live = Exclude<State, { phase: 'closed' }>;

function onFrame(state: Live, input: FrameInput, context: Context): Step {
  const { frame, raw, frameNo } = input;
  if (!frame.ok) return onRefused(state, frame, raw);
  const { message } = frame;
  switch (state.phase) {
    case 'authenticating':
      if (message.type !== 'auth.request')
        return refuse(state, 'auth.request has to be the first frame');
      return authenticate(message, context);
    case 'registering':
      if (message.type === 'auth.request') return refuse(state, 'auth.request came twice');
      if (message.type !== 'agent.register') return hold(state, { message, raw, frameNo });
      return {
        state: { phase: 'settling', held: state.held, heldBytes: state.heldBytes },
        effects: [{ type: 'register', ...state.signedIn, message, raw }],
      };
    case 'settling':
    case 'ready':
      if (message.type === 'auth.request' || message.type === 'agent.register')
        return refuse(state, `${message.type} came twice on one socket`);
      if (state.phase === 'settling') return hold(state, { message, raw, frameNo });
      return { state, effects: [{ type: 'take', arrived: { message, raw, frameNo } }] };
  }
}

function authenticate(message: wire.AuthRequest, { signIn, connectionId }: Context): Step {
  const signedIn = signIn(message.token);
  if (signedIn === undefined) return denied('the token is not known here', codes.authFailed);
  return {
    state: { phase: 'registering', signedIn, ...nothing },
    effects: [{ type: 'send', message: { type: 'auth.success', connectionId } }],
  };
}

const denied = (reason: string, code: wire.WireCloseCode): Step => ({
  state: { phase: 'closed', ...nothing },
  effects: [
    { type: 'send', message: { type: 'auth.failure', reason } },
    { type: 'close', code, reason },
  ],
});

/** Liveness and receipts say nothing that must wait; the context of a job holds its token and is never kept. */
const passing: ReadonlySet<string> = new Set([
  'heartbeat',
  'ack',
  'nack',
  'error',
  'job.context',
  'run.event',
  'agent.metrics',
]);

function hold(state: Extract<Live, Holding>, arrived: Arrived): Step {
  if (passing.has(arrived.message.type)) return { state, effects: [] };
  const held = [...state.held, arrived];
  const heldBytes = state.heldBytes + arrived.raw.length;
  const isOver = held.length > limits.heldFramesMax || heldBytes > limits.heldBytesMax;
  // While it settles the socket is not read any more; what had been read by then is taken.
  if (isOver && state.phase === 'registering')
    return refuse(state, 'too many frames before agent.register');
  return { state: { ...state, held, heldBytes }, effects: [] };
}

function onRefused(state: Live, refusal: wire.FrameRefusal, raw: Uint8Array): Step {
  if (state.phase === 'authenticating' && isOldVersion(refusal, raw))
    return denied('protocolVersion 1 or newer is needed', codes.protocolError);
  if (refusal.code !== 'unknown-type' || state.phase === 'authenticating')
    return refuse(state, described(refusal), refusal.code);
  return {
    state,
    effects: [
      {
        type: 'send',
        message: { type: 'error', code: 'UNKNOWN_TYPE', message: described(refusal) },
      },
      { type: 'violation', code: refusal.code, detail: described(refusal) },
    ],
  };
}

/** An `error` frame, then 4003. Names places and expectations, never what was sent. */
function refuse(state: Live, detail: string, code = 'unexpected'): Step {
  const closingStep = closing(state, codes.invalidMessage, 'invalid message');
  return {
    state: closingStep.state,
    effects: [
      { type: 'send', message: { type: 'error', code: 'INVALID_MESSAGE', message: detail } },
      { type: 'violation', code, detail },
      ...closingStep.effects,
    ],
  };
}

const closing = (state: Live, code: wire.WireCloseCode, reason: string): Step => ({
  state: closed(state),
  effects: [{ type: 'close', code, reason }],
});

/** What is held is still taken once the registration is settled; without one it has no owner. */
const closed = (state: State): State =>
  state.phase === 'settling' || state.phase === 'closed'
    ? { phase: 'closed', held: state.held, heldBytes: state.heldBytes }
    : { phase: 'closed', ...nothing };

const DETAIL_CHARS_MAX = 1_000;

function described(refusal: wire.FrameRefusal): string {
  const issues = refusal.issues.map(({ path, message }) =>
    path === '' ? message : `${path}: ${message}`,
  );
  const subject = refusal.type === undefined ? '' : `${refusal.type}: `;
  return `${subject}${issues.join('; ')}`.slice(0, DETAIL_CHARS_MAX);
}

const decoder = new TextDecoder();

/** A version too low is answered in its own words; its schema already refuses it like any other bad field. */
function isOldVersion(refusal: wire.FrameRefusal, raw: Uint8Array): boolean {
  if (
    refusal.type !== 'auth.request' ||
    !refusal.issues.every(({ path }) => path === 'protocolVersion')
  )
    return false;
  const json: unknown = JSON.parse(decoder.decode(raw));
  const version: unknown =
    typeof json === 'object' && json !== null ? Reflect.get(json, 'protocolVersion') : undefined;
  return typeof version === 'number' && version < 1;
}
