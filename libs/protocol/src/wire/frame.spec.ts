import { describe, expect, test } from 'vitest';
import { wireTypes } from './direction.ts';
import { parseAgentFrame, parseOrchestratorFrame, parseUpstreamFrame } from './frame.ts';
import { wireLimits } from './limits.ts';
import { wireSamples } from './samples.fixture.ts';
import { directionOf, directions, parsers } from './verdict.fixture.ts';

const canary = 'hunter2-canary';
const bothWays = ['heartbeat', 'ack', 'nack', 'error'];

describe('a frame', () => {
  test('is read from text and from bytes', () => {
    const text = JSON.stringify(wireSamples['job.ack']);
    const read = { ok: true, message: wireSamples['job.ack'] };
    expect(parseAgentFrame(text)).toEqual(read);
    expect(parseAgentFrame(new TextEncoder().encode(text))).toEqual(read);
    expect(parseAgentFrame(Buffer.from(text))).toEqual(read);
  });

  test.each(['', '{', 'nope', '{"type":"job.ack"}x', '\ufeff{}'])('%j is not JSON', (text) => {
    expect(parseAgentFrame(text)).toMatchObject({ ok: false, code: 'not-json' });
  });

  test('of bytes that are not UTF-8 is not JSON', () => {
    const frame = parseAgentFrame(Uint8Array.of(0x22, 0xff, 0x22));
    expect(frame).toMatchObject({ ok: false, code: 'not-json' });
  });

  test.each(['null', '1', '"job.ack"', '[]', 'true'])('of %s is not an object', (text) => {
    expect(parseAgentFrame(text)).toMatchObject({ ok: false, code: 'not-object' });
  });

  test.each(['{}', '{"type":1}', '{"type":null}', '{"type":["job.ack"]}'])(
    'without a type in words is invalid: %s',
    (text) => {
      expect(parseAgentFrame(text)).toMatchObject({ code: 'invalid', issues: [{ path: 'type' }] });
    },
  );

  test.each(['job.exploded', '', 'constructor', '__proto__', 'toString', 'JOB.ACK'])(
    'of a type that nobody defined is unknown: %j',
    (type) => {
      expect(parseAgentFrame(JSON.stringify({ type }))).toMatchObject({ code: 'unknown-type' });
      expect(parseOrchestratorFrame(JSON.stringify({ type }))).toMatchObject({
        code: 'unknown-type',
      });
    },
  );

  test.each(Object.values(wireSamples).map((sample) => [sample.type, sample] as const))(
    'of %s is good on its own side and wrong on the other',
    (type, sample) => {
      const home = directionOf(type);
      for (const direction of directions) {
        const frame = parsers[direction](JSON.stringify(sample));
        const expected =
          direction === home || wireTypes[direction].has(type)
            ? { ok: true, message: sample }
            : { ok: false, code: 'wrong-direction', type };
        expect(frame).toMatchObject(expected);
      }
    },
  );

  test('of the common types goes both ways, and no other does', () => {
    const shared = [...wireTypes.agent].filter((type) => wireTypes.orchestrator.has(type));
    expect(shared.toSorted()).toEqual(bothWays.toSorted());
    expect(parseUpstreamFrame('{"type":"heartbeat","timestamp":1}')).toMatchObject({ ok: false });
  });
});

describe('a refusal', () => {
  test.each([
    ['not JSON', `{"type":"job.ack","x":"${canary}"`],
    ['an unknown type', JSON.stringify({ type: `${canary} with words` })],
    ['a wrong value', JSON.stringify({ ...wireSamples['job.status'], state: canary })],
    ['a wrong type', JSON.stringify({ ...wireSamples['auth.request'], token: [canary] })],
    [
      'a wrong record value',
      JSON.stringify({ ...wireSamples['job.status'], secretOutputs: { [canary]: 1 } }),
    ],
    [
      'an undeclared field',
      JSON.stringify({ ...wireSamples['job.ack'], timestamp: 'x', [canary]: canary }),
    ],
  ])('of %s repeats nothing of the frame', (_what, text) => {
    const frame = parseAgentFrame(text);
    expect(frame.ok).toBe(false);
    expect(JSON.stringify(frame)).not.toContain(canary);
  });

  test('of a dispatch names the place, not the secret', () => {
    const dispatch = { ...wireSamples['job.dispatch'], token: canary };
    const frame = parseOrchestratorFrame(JSON.stringify(dispatch));
    expect(frame).toEqual({
      ok: false,
      code: 'invalid',
      type: 'job.dispatch',
      issues: [
        {
          path: 'sourceAuth.secret',
          message: '`sourceAuth.secret` must equal `token` when both are present',
        },
      ],
    });
  });

  test('shows keys of records as a star', () => {
    const status = { ...wireSamples['job.status'], secretOutputs: { DB: { encrypted: 1 } } };
    const frame = parseAgentFrame(JSON.stringify(status));
    expect(frame.ok ? [] : frame.issues.map((issue) => issue.path)).toEqual([
      'secretOutputs.*.agentPublicKey',
      'secretOutputs.*.encrypted',
    ]);
  });

  test('lists a bounded number of problems', () => {
    const labels = Array(64).fill(1);
    const frame = parseAgentFrame(JSON.stringify({ ...wireSamples['agent.register'], labels }));
    expect(frame.ok ? 0 : frame.issues.length).toBe(20);
  });
});

describe('what existing agents send', () => {
  test('is accepted: log lines of the preparation and of pseudo steps', () => {
    for (const stepIndex of [-1, 0, 100_000, 2_147_483_648]) {
      expect(parseAgentFrame(JSON.stringify({ ...wireSamples['log.chunk'], stepIndex })).ok).toBe(
        true,
      );
    }
  });

  test('is accepted without any extension', () => {
    for (const type of [
      'job.ack',
      'job.status',
      'step.status',
      'log.chunk',
      'job.heartbeat',
    ] as const) {
      const { attempt: _, fence: __, ...seed } = wireSamples[type];
      expect(parseAgentFrame(JSON.stringify(seed)).ok).toBe(true);
    }
  });

  test('survives with keys that programs trip over', () => {
    const frame = parseAgentFrame(
      '{"type":"heartbeat","timestamp":1,"__proto__":{"polluted":1},"constructor":2}',
    );
    expect(frame.ok).toBe(true);
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
  });
});

describe('nesting', () => {
  const deep = (levels: number): string =>
    `{"type":"heartbeat","timestamp":1,"more":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`;

  test('is taken to its bound and refused beyond it, in fields that nobody declared too', () => {
    expect(parseAgentFrame(deep(wireLimits.frameDepthMax)).ok).toBe(true);
    for (const levels of [wireLimits.frameDepthMax + 1, 100_000])
      expect(parseAgentFrame(deep(levels))).toEqual({
        ok: false,
        code: 'invalid',
        type: 'heartbeat',
        issues: [{ path: '', message: 'must not be nested deeper than 256' }],
      });
  });
});

describe('records', () => {
  test.each([
    { secrets: { A: 1 } },
    { secrets: { A: null } },
    { namespacedSecrets: { production: { DB: 1 } } },
    { namespacedSecrets: { production: 'x' } },
    { upstreamJobOutputs: { build: 'x' } },
    { installEnvSecrets: { A: {} } },
  ])('of a dispatch hold what they are declared to hold: %j', (edit) => {
    const frame = parseOrchestratorFrame(
      JSON.stringify({ ...wireSamples['job.dispatch'], ...edit }),
    );
    expect(frame).toMatchObject({ ok: false, code: 'invalid' });
  });
});
