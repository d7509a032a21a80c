/** Both judges of a message, zod and the generated JSON Schemas under ajv, and edits to samples. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import { typeOf, type WireDirection, wireMessages } from './direction.ts';
import {
  type FrameIssue,
  parseAgentFrame,
  parseOrchestratorFrame,
  parseUpstreamFrame,
} from './frame.ts';
import { directionJsonSchema } from './json-schema.ts';
import { wireSamples, wireSampleVariants } from './samples.fixture.ts';

export type Path = readonly string[];
export const directions = ['agent', 'orchestrator', 'upstream'] as const;

export const parsers = {
  agent: parseAgentFrame,
  orchestrator: parseOrchestratorFrame,
  upstream: parseUpstreamFrame,
} as const;

const directionByType = new Map<string, WireDirection>(
  directions.flatMap((direction) =>
    wireMessages[direction].map((schema) => [typeOf(schema), direction] as const),
  ),
);

export function directionOf(type: string): WireDirection {
  const direction = directionByType.get(type);
  if (direction === undefined) throw new Error(`no message ${type}`);
  return direction;
}

const ajv = new Ajv2020({ strict: false });
const judges = {
  agent: ajv.compile(directionJsonSchema('agent')),
  orchestrator: ajv.compile(directionJsonSchema('orchestrator')),
  upstream: ajv.compile(directionJsonSchema('upstream')),
} as const;

export type Verdict = Readonly<{ zod: boolean; ajv: boolean; issues: readonly FrameIssue[] }>;

export function judge(type: string, message: unknown): Verdict {
  const direction = directionOf(type);
  const frame = parsers[direction](JSON.stringify(message));
  const valid = judges[direction](message);
  return { zod: frame.ok, ajv: valid, issues: frame.ok ? [] : frame.issues };
}

export const samplesOf = (type: string): readonly unknown[] =>
  [...Object.values(wireSamples), ...wireSampleVariants].filter((sample) => sample.type === type);

export function valueAt(value: unknown, path: Path): unknown {
  let found = value;
  for (const key of path) {
    found = typeof found === 'object' && found !== null ? Reflect.get(found, key) : undefined;
  }
  return found;
}

/** A copy of the sample with another value at the path; `undefined` removes the field. */
export function edited(sample: unknown, path: Path, value: unknown): unknown {
  const copy: unknown = structuredClone(sample);
  const parent = valueAt(copy, path.slice(0, -1));
  const key = path.at(-1);
  if (typeof parent !== 'object' || parent === null || key === undefined) {
    throw new Error(`no object at ${path.join('.')}`);
  }
  if (value === undefined) Reflect.deleteProperty(parent, key);
  else Reflect.set(parent, key, value);
  return copy;
}

/** All samples of the message that have the field. */
export const samplesWith = (type: string, path: Path): readonly unknown[] =>
  samplesOf(type).filter((sample) => valueAt(sample, path) !== undefined);

export function sampleWith(type: string, path: Path): unknown {
  const [sample] = samplesWith(type, path);
  if (sample === undefined) throw new Error(`no sample of ${type} has ${path.join('.')}`);
  return sample;
}
