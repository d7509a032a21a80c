import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { runsOf } from '../arbitrary.fixture.ts';
import { AgentMessage, OrchestratorMessage, typeOf, wireMessages } from './direction.ts';
import { anyValidFrame, brokenFrame, parserOf, validFrame } from './frame-arbitrary.fixture.ts';
import { wireSamples } from './samples.fixture.ts';
import { redact } from './secret.ts';
import { judge } from './verdict.fixture.ts';

const sampleOf = new Map(
  Object.values(wireSamples).map((sample) => [sample.type as string, sample]),
);
const all = (['agent', 'orchestrator', 'upstream'] as const).flatMap((direction) =>
  wireMessages[direction].map((schema) => [typeOf(schema), direction, schema] as const),
);

describe('frames drawn from the schemas', () => {
  test.each(all)(
    '%s (%s) is taken with any of its optional fields, and redacted',
    (type, direction, schema) => {
      fc.assert(
        fc.property(validFrame(direction, schema), ({ text }) => {
          const parsed = parserOf[direction](text);
          expect(parsed.ok).toBe(true);
          if (!parsed.ok) return;
          // Nothing that came is lost, declared or not.
          expect(Object.keys(parsed.message).toSorted()).toEqual(
            Object.keys(JSON.parse(text) as object)
              .filter((key) => key !== '__proto__')
              .toSorted(),
          );
          JSON.stringify(
            redact(direction === 'agent' ? AgentMessage : OrchestratorMessage, parsed.message),
          );
        }),
        runsOf(40),
      );
      expect(type).not.toBe('');
    },
  );

  test.each(all)(
    '%s (%s) that is broken is refused with a code, and nothing of it repeated',
    (type, direction) => {
      const sample = sampleOf.get(type);
      if (sample === undefined) throw new Error(`no sample of ${type}`);
      fc.assert(
        fc.property(brokenFrame(direction, { ...sample }), ({ text }) => {
          const parsed = parserOf[direction](text);
          expect(parsed).toMatchObject({ ok: false });
          if (!parsed.ok) expect(parsed.issues.length).toBeGreaterThan(0);
        }),
        runsOf(40),
      );
    },
  );

  test('the JSON Schemas agree about what is valid', () => {
    fc.assert(
      fc.property(anyValidFrame('agent'), ({ type, text }) => {
        if (text.includes('__proto__')) return;
        expect(judge(type, JSON.parse(text)).ajv).toBe(true);
      }),
      runsOf(200),
    );
  });
});
