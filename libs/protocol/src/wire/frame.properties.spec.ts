import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AgentMessage, OrchestratorMessage, wireTypes } from './direction.ts';
import { parseAgentFrame, parseOrchestratorFrame, parseUpstreamFrame } from './frame.ts';
import { wireSamples } from './samples.fixture.ts';
import { redact } from './secret.ts';
import { judge } from './verdict.fixture.ts';

const types = [...wireTypes.agent, ...wireTypes.orchestrator, ...wireTypes.upstream];
const samples = Object.values(wireSamples);

/** JSON of every degree of resemblance to a message, down to bytes that are no JSON at all. */
const anyFrame = fc.oneof(
  fc.string(),
  fc.uint8Array(),
  fc.json(),
  fc
    .record({ type: fc.constantFrom(...types), extra: fc.jsonValue() })
    .map((value) => JSON.stringify(value)),
  fc.tuple(fc.constantFrom(...samples), fc.nat(), fc.jsonValue()).map(([sample, at, value]) => {
    const keys = Object.keys(sample);
    return JSON.stringify({ ...sample, [keys[at % keys.length] ?? 'type']: value });
  }),
);

test('no frame makes a parser throw, and every refusal has a code and an issue', () => {
  fc.assert(
    fc.property(anyFrame, (frame) => {
      for (const parse of [parseAgentFrame, parseOrchestratorFrame, parseUpstreamFrame]) {
        const parsed = parse(frame);
        if (!parsed.ok) expect(parsed.issues.length).toBeGreaterThan(0);
      }
    }),
    { numRuns: 1_000 },
  );
});

test('no value makes redaction throw', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(...types), (value, type) => {
      redact(AgentMessage, value);
      redact(OrchestratorMessage, {
        type,
        value,
        token: value,
        sourceAuth: value,
        npmRegistries: value,
      });
    }),
  );
});

test('the parser and the JSON Schema agree on samples with any field replaced', () => {
  const edit = fc.tuple(fc.constantFrom(...samples), fc.nat(), fc.jsonValue());
  fc.assert(
    fc.property(edit, ([sample, at, value]) => {
      const keys = Object.keys(sample).filter((key) => key !== 'type' && key !== 'token');
      const key = keys[at % keys.length];
      if (key === undefined) return;
      const verdict = judge(sample.type, JSON.parse(JSON.stringify({ ...sample, [key]: value })));
      // One rule compares two values, which JSON Schema cannot; keys named __proto__ are dropped.
      if (key === 'sourceAuth' || JSON.stringify(value).includes('__proto__')) return;
      expect(verdict.ajv).toBe(verdict.zod);
    }),
    { numRuns: 1_000 },
  );
});
