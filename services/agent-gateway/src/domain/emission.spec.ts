import { emittedLimits } from '@waybill/protocol';
import { describe, expect, it } from 'vitest';
import { emissionProblem } from './emission.ts';

const event = { eventName: 'deploy-complete', payload: { region: 'eu' } };
const nested = (depth: number): Readonly<Record<string, unknown>> => {
  let value: Record<string, unknown> = {};
  for (let at = 1; at < depth; at++) value = { value };
  return value;
};

describe('what an agent emits', () => {
  it('is taken at each limit, and not one past it', () => {
    const { nameCharsMax, payloadBytesMax, payloadDepthMax, targetsMax } = emittedLimits;
    const filler = (bytes: number) => ({ x: 'é'.repeat(3) + 'a'.repeat(bytes - 6 - 8) });
    const repos = (count: number) => ({ repos: Array.from({ length: count }, () => 'a/b') });
    for (const taken of [
      event,
      { ...event, eventName: 'n'.repeat(nameCharsMax) },
      { ...event, payload: filler(payloadBytesMax) },
      { ...event, payload: nested(payloadDepthMax) },
      { ...event, target: repos(targetsMax) },
      { ...event, target: {} },
    ])
      expect(emissionProblem(taken)).toBeUndefined();
    for (const [refused, about] of [
      [{ ...event, eventName: 'n'.repeat(nameCharsMax + 1) }, 'eventName'],
      [{ ...event, eventName: 'a\nb' }, 'eventName'],
      [{ ...event, payload: filler(payloadBytesMax + 1) }, 'bytes'],
      [{ ...event, payload: nested(payloadDepthMax + 1) }, 'nested'],
      [{ ...event, payload: nested(200_000) }, 'nested'],
      [{ ...event, target: repos(targetsMax + 1) }, 'target.repos'],
    ] as const)
      expect(emissionProblem(refused)).toContain(about);
  });
});
