import { wire } from '@waybill/protocol';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Input, initial, type State, step } from './session-protocol.ts';

const frames = [
  { type: 'auth.request', token: 'good', protocolVersion: 1 },
  { type: 'auth.request', token: 'bad', protocolVersion: 1 },
  { type: 'agent.register', messageId: 'm', agentId: 'a', labels: [] },
  { type: 'job.ack', messageId: 'm', runId: 'r', jobId: 'j', timestamp: 1 },
  { type: 'heartbeat', timestamp: 1 },
  { type: 'event.emit', jobId: 'j', requestId: 'q', eventName: 'e', payload: {} },
  { type: 'unknown' },
  { type: 'job.cancel' },
];

const anyInput = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...frames) },
  { weight: 1, arbitrary: fc.constantFrom('late' as const, 'closed' as const) },
  { weight: 2, arbitrary: fc.constant('settled' as const) },
);

function inputOf(
  given: object | 'late' | 'closed' | 'settled',
  frameNo: number,
  state: State,
): Input | undefined {
  if (typeof given !== 'string') {
    const raw = new TextEncoder().encode(JSON.stringify(given));
    return { type: 'frame', frame: wire.parseAgentFrame(raw), raw, frameNo };
  }
  // A registration settles once it has begun.
  if (given === 'settled' && state.phase !== 'settling') return undefined;
  return { type: given };
}

it('takes every frame at most once, in order, and only behind a registration', () => {
  fc.assert(
    fc.property(fc.array(anyInput, { maxLength: 40 }), (given) => {
      let state: State = initial;
      let registered = 0;
      const taken: number[] = [];
      for (const [index, one] of given.entries()) {
        const input = inputOf(one, index + 1, state);
        if (input === undefined) continue;
        const wasClosed = state.phase === 'closed';
        const next = step(state, input, {
          connectionId: 'c',
          signIn: (token) => (token === 'good' ? { org: 'main', scalerManaged: false } : undefined),
        });
        state = next.state;
        for (const effect of next.effects) {
          if (effect.type === 'register') registered += 1;
          if (effect.type === 'take') taken.push(effect.arrived.frameNo);
          if (effect.type === 'send' || effect.type === 'close') expect(wasClosed).toBe(false);
          if (effect.type === 'close') expect(state.phase).toBe('closed');
        }
      }
      expect(registered).toBeLessThanOrEqual(1);
      if (registered === 0) expect(taken).toEqual([]);
      expect(taken).toEqual([...new Set(taken)].toSorted((a, b) => a - b));
    }),
  );
});
