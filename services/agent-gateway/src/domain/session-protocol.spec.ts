import { wire } from '@waybill/protocol';
import { describe, expect, it } from 'vitest';
import { limits } from './limits.ts';
import {
  type Context,
  type Effect,
  type Input,
  initial,
  type State,
  step,
} from './session-protocol.ts';

const context: Context = {
  connectionId: 'c1',
  signIn: (token) => (token === 'good' ? { org: 'main', scalerManaged: false } : undefined),
};
const encode = (frame: unknown): Uint8Array =>
  new TextEncoder().encode(typeof frame === 'string' ? frame : JSON.stringify(frame));

let frameNo = 0;
function frame(sent: unknown): Input {
  const raw = encode(sent);
  frameNo += 1;
  return { type: 'frame', frame: wire.parseAgentFrame(raw), raw, frameNo };
}

function after(
  ...inputs: readonly Input[]
): Readonly<{ state: State; effects: readonly Effect[]; all: readonly Effect[] }> {
  let state = initial;
  let effects: readonly Effect[] = [];
  const all: Effect[] = [];
  for (const input of inputs) {
    ({ state, effects } = step(state, input, context));
    all.push(...effects);
  }
  return { state, effects, all };
}

/** Effects in a few words. */
const said = (effects: readonly Effect[]): readonly string[] =>
  effects.map((effect) => {
    if (effect.type === 'send') return `send ${effect.message.type}`;
    if (effect.type === 'close') return `close ${effect.code.code}`;
    if (effect.type === 'take') return `take ${effect.arrived.message.type}`;
    return effect.type === 'violation' ? `violation ${effect.code}` : effect.type;
  });

const auth = frame({ type: 'auth.request', token: 'good', protocolVersion: 1 });
const register = frame({ type: 'agent.register', messageId: 'm', agentId: 'a', labels: [] });
const settled: Input = { type: 'settled' };
const late: Input = { type: 'late' };
const ack = frame({ type: 'job.ack', messageId: 'm', runId: 'r', jobId: 'j', timestamp: 1 });
const status = frame({
  type: 'job.status',
  messageId: 'm',
  runId: 'r',
  jobId: 'j',
  state: 'success',
  timestamp: 1,
});

describe('a session', () => {
  it('authenticates, registers, and takes frames once it is settled', () => {
    expect(said(after(auth).effects)).toEqual(['send auth.success']);
    expect(said(after(auth, register).effects)).toEqual(['register']);
    expect(said(after(auth, register, settled, ack).effects)).toEqual(['take job.ack']);
  });

  it('holds what comes too early and takes it in its order', () => {
    const { all } = after(auth, status, register, ack, settled);
    expect(said(all)).toEqual(['send auth.success', 'register', 'take job.status', 'take job.ack']);
  });

  it('takes what it holds even when the socket is gone by then', () => {
    expect(said(after(auth, status, register, { type: 'closed' }, settled).effects)).toEqual([
      'take job.status',
    ]);
    expect(said(after(auth, status, { type: 'closed' }, settled).effects)).toEqual([]);
  });

  it('holds no more than its bound before the registration', () => {
    const flood = Array.from({ length: limits.heldFramesMax + 1 }, () => ack);
    const { state, effects } = after(auth, ...flood);
    expect(said(effects)).toEqual(['send error', 'violation unexpected', 'close 4003']);
    expect(state).toEqual({ phase: 'closed', held: [], heldBytes: 0 });
  });

  it('holds neither heartbeats nor the context of a job', () => {
    const heartbeat = frame({ type: 'heartbeat', timestamp: 1 });
    const jobContext = frame({ type: 'job.context', runId: 'r', jobId: 'j', context: {} });
    expect(after(auth, heartbeat, jobContext).state).toMatchObject({ held: [] });
  });

  it('has its time to authenticate and to register, and no other', () => {
    expect(said(after(late).effects)).toEqual(['close 4002']);
    expect(said(after(auth, late).effects)).toEqual(['close 4002']);
    expect(said(after(auth, register, late).effects)).toEqual([]);
    expect(said(after(auth, register, settled, late).effects)).toEqual([]);
  });

  it.each<readonly [string, readonly Input[], readonly string[]]>([
    [
      'a wrong token',
      [frame({ type: 'auth.request', token: 'bad', protocolVersion: 1 })],
      ['send auth.failure', 'close 4010'],
    ],
    [
      'a version too old',
      [frame({ type: 'auth.request', token: 'good', protocolVersion: 0 })],
      ['send auth.failure', 'close 4005'],
    ],
    [
      'no version',
      [frame({ type: 'auth.request', token: 'good' })],
      ['send error', 'violation invalid', 'close 4003'],
    ],
    ['a frame of a stranger', [ack], ['send error', 'violation unexpected', 'close 4003']],
    [
      'an unknown type of a stranger',
      [frame({ type: 'x' })],
      ['send error', 'violation unknown-type', 'close 4003'],
    ],
    ['an unknown type', [auth, frame({ type: 'x' })], ['send error', 'violation unknown-type']],
    [
      'no JSON',
      [auth, register, settled, frame('{')],
      ['send error', 'violation not-json', 'close 4003'],
    ],
    [
      'the wrong side',
      [auth, register, settled, frame({ type: 'job.cancel' })],
      ['send error', 'violation wrong-direction', 'close 4003'],
    ],
    ['a second token', [auth, auth], ['send error', 'violation unexpected', 'close 4003']],
    [
      'a second registration',
      [auth, register, register],
      ['send error', 'violation unexpected', 'close 4003'],
    ],
  ])('answers %s', (_name, inputs, expected) => {
    expect(said(after(...inputs).effects)).toEqual(expected);
  });

  it('never repeats what was sent', () => {
    const canary = 'canary-in-a-frame';
    const { effects } = after(
      auth,
      register,
      settled,
      frame({ type: 'job.ack', messageId: canary, runId: { a: canary }, jobId: 7 }),
    );
    expect(JSON.stringify(effects)).not.toContain(canary);
    expect(JSON.stringify(effects)).toContain('runId');
  });

  it('hears nothing after it has closed', () => {
    expect(after(auth, register, settled, frame('{'), ack, status, frame('{')).effects).toEqual([]);
  });
});
