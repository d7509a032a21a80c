/**
 * Messages for fuzzing, drawn from the JSON Schemas of the wire: valid ones with any of their optional fields, hostile keys and values
 * at their bounds, and broken ones of every kind, each with what is wrong with it. All are texts, as they go over a socket.
 */
import fc from 'fast-check';
import { typeOf, type WireDirection, type WireMessageSchema, wireMessages } from './direction.ts';
import { parseAgentFrame, parseOrchestratorFrame, parseUpstreamFrame } from './frame.ts';
import { jsonSchemaOf } from './json-schema.ts';

type Json = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const parserOf = {
  agent: parseAgentFrame,
  orchestrator: parseOrchestratorFrame,
  upstream: parseUpstreamFrame,
} as const;

/** Names that mean something to JavaScript, to databases and to logs. */
const hostileKey = fc.constantFrom(
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'then',
  'toJSON',
  '$sealed',
  '',
  '\u0000',
  '\u2028',
  'a.b',
  '../..',
);
export const hostileText = fc.constantFrom(
  '',
  '\u0000',
  '\u202e',
  '\ud800',
  '\udfff',
  '\r\n',
  '%00',
  '"; drop table runs; --',
  'true',
  'ÅÄÖ👩‍👩‍👧‍👦',
  '\ufeff',
  '*.>',
);
const hugeNumber = fc.constantFrom(
  0,
  -0,
  -1,
  0.1,
  1e21,
  Number.MAX_SAFE_INTEGER,
  Number.MAX_VALUE,
  Number.MIN_VALUE,
  Number.NaN,
  Number.POSITIVE_INFINITY,
);
const anyValue: fc.Arbitrary<unknown> = fc.oneof(
  hostileText,
  hugeNumber,
  fc.jsonValue({ maxDepth: 3 }),
  fc.dictionary(fc.oneof(hostileKey, fc.string()), fc.oneof(hostileText, hugeNumber), {
    maxKeys: 4,
  }),
  fc.integer({ min: 1, max: 200 }).map(nested),
);

/** Lists inside each other. */
export function nested(depth: number): unknown {
  let value: unknown = [];
  for (let at = 1; at < depth; at++) value = [value];
  return value;
}

/** Too deep to be written by `JSON.stringify`, though every parser reads it. */
export const deepText = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;
/** Stands for it in a value. */
const DEEP = 'ten thousand deep';

const PRINTABLE = '\\p{Cc}';

function textOf({ minLength, maxLength, pattern }: Json): fc.Arbitrary<string> {
  const min = typeof minLength === 'number' ? minLength : 0;
  const max = typeof maxLength === 'number' ? maxLength : 1_000;
  if (typeof pattern === 'string' && !pattern.includes(PRINTABLE))
    return fc.stringMatching(new RegExp(pattern));
  const isPlain = (text: string): boolean =>
    text.length >= min &&
    text.length <= max &&
    (pattern === undefined || !/[\p{Cc}\p{Cs}]/u.test(text));
  return fc.oneof(
    {
      weight: 6,
      arbitrary: fc
        .string({ unit: 'grapheme', minLength: min, maxLength: Math.min(max, 24) })
        .filter(isPlain),
    },
    { weight: 2, arbitrary: hostileText.filter(isPlain) },
    { weight: 1, arbitrary: fc.constant('é'.repeat(Math.min(max, 4_096))) },
  );
}

function numberOf({ type, minimum, maximum }: Json): fc.Arbitrary<number> {
  const min = typeof minimum === 'number' ? minimum : -1e300;
  const max = typeof maximum === 'number' ? maximum : 1e300;
  if (type === 'integer')
    return fc.oneof(
      fc.constantFrom(
        Math.max(min, Number.MIN_SAFE_INTEGER),
        Math.min(max, Number.MAX_SAFE_INTEGER),
      ),
      fc.integer({ min: Math.max(min, -1_000), max: Math.min(max, 1_000) }),
    );
  return fc.oneof(
    fc.constantFrom(min, max),
    fc.double({ min: Math.max(min, -1e9), max: Math.min(max, 1e9), noNaN: true }),
  );
}

function objectOf(schema: Json): fc.Arbitrary<Json> {
  const properties = isObject(schema['properties']) ? schema['properties'] : {};
  const required = Array.isArray(schema['required']) ? schema['required'] : [];
  const members = Object.entries(properties).map(([key, of]) => {
    const value = valueOf(isObject(of) ? of : {});
    const isRequired = required.includes(key);
    return (isRequired ? value : fc.option(value, { nil: undefined })).map(
      (each) => [key, each] as const,
    );
  });
  const others = fc.array(fc.tuple(hostileKey, anyValue), { maxLength: 2 });
  return fc
    .tuple(fc.tuple(...members), others)
    .map(([own, more]) =>
      Object.fromEntries([
        ...more.filter(([key]) => !(key in properties) || Object.hasOwn(Object.prototype, key)),
        ...own.filter(([, value]) => value !== undefined),
      ]),
    );
}

function listOf(schema: Json): fc.Arbitrary<readonly unknown[]> {
  const of = isObject(schema['items']) ? schema['items'] : {};
  const items = valueOf(of);
  const { minItems, maxItems } = schema;
  const minLength = typeof minItems === 'number' ? minItems : 0;
  const few = fc.array(items, { minLength, maxLength: minLength + 3 });
  if (of['type'] !== 'string' || typeof maxItems !== 'number') return few;
  const many = items
    .filter((each) => String(each).length <= 8)
    .map((each) => Array.from({ length: maxItems }, () => each));
  return fc.oneof({ weight: 12, arbitrary: few }, { weight: 1, arbitrary: many });
}

function recordOf(schema: Json): fc.Arbitrary<Json> {
  if (isObject(schema['properties'])) return objectOf(schema);
  const member = isObject(schema['additionalProperties']) ? schema['additionalProperties'] : {};
  const key = fc.oneof(hostileKey, fc.string({ maxLength: 12 }));
  return fc
    .array(fc.tuple(key, valueOf(member)), { maxLength: 3 })
    .map((entries) => Object.fromEntries(entries));
}

const arbitraries: Readonly<Record<string, (schema: Json) => fc.Arbitrary<unknown>>> = {
  string: textOf,
  number: numberOf,
  integer: numberOf,
  boolean: () => fc.boolean(),
  null: () => fc.constant(null),
  array: listOf,
  object: recordOf,
};

function valueOf(schema: Json): fc.Arbitrary<unknown> {
  if ('const' in schema) return fc.constant(schema['const']);
  const values: unknown = schema['enum'];
  if (Array.isArray(values)) return fc.constantFrom(...values.map((value: unknown) => value));
  const either = schema['anyOf'] ?? schema['oneOf'];
  if (Array.isArray(either)) return fc.oneof(...either.filter(isObject).map(valueOf));
  return arbitraries[String(schema['type'])]?.(schema) ?? anyValue;
}

export type ValidFrame = Readonly<{ type: string; text: string }>;

const isUnder = (direction: WireDirection, text: string): boolean => parserOf[direction](text).ok;

/** Of one message: fields that its rules exclude beside each other are drawn again. */
export function validFrame(
  direction: WireDirection,
  schema: WireMessageSchema,
): fc.Arbitrary<ValidFrame> {
  const type = typeOf(schema);
  return valueOf(jsonSchemaOf(schema))
    .map((message) => ({ type, text: JSON.stringify(message) }))
    .filter(({ text }) => isUnder(direction, text));
}

export const anyValidFrame = (direction: WireDirection): fc.Arbitrary<ValidFrame> =>
  fc.oneof(...wireMessages[direction].map((schema) => validFrame(direction, schema)));

export type BrokenFrame = Readonly<{ kind: string; type: string; text: string }>;

/** Of the message whose complete sample is given: each way to break it. All are refused by the parser of its direction. */
export function brokenFrame(direction: WireDirection, sample: Json): fc.Arbitrary<BrokenFrame> {
  const type = String(sample['type']);
  const keys = Object.keys(sample).filter((key) => key !== 'type');
  const text = JSON.stringify(sample);
  const others = (Object.keys(wireMessages) as WireDirection[]) // its own keys
    .flatMap((each) => wireMessages[each].map(typeOf))
    .filter((each) => !wireMessages[direction].some((schema) => typeOf(schema) === each));
  const changed = (kind: string, key: string, value: unknown): BrokenFrame => ({
    kind,
    type,
    text: JSON.stringify({ ...sample, [key]: value }).replace(`"${DEEP}"`, deepText),
  });
  const field = fc.constantFrom(...keys);
  const broken: fc.Arbitrary<BrokenFrame>[] = [
    field.map((key) => changed('removed', key, undefined)),
    fc.tuple(field, anyValue).map(([key, value]) => changed('another type', key, value)),
    fc
      .tuple(field, fc.constantFrom(-1, 1e300, 'x'.repeat(100_000), '\ud800', '\u0000', DEEP))
      .map(([key, value]) => changed('past its bound', key, value)),
    fc.constantFrom(...others).map((other) => changed('wrong direction', 'type', other)),
    fc.string().map((suffix) => changed('unknown type', 'type', `x-${suffix}`)),
    fc
      .nat({ max: text.length - 2 })
      .map((end) => ({ kind: 'truncated', type, text: text.slice(0, end) })),
    field.map((key) => ({
      kind: 'duplicate key',
      type,
      text: `${text.slice(0, -1)},${JSON.stringify(key)}:{"a":[]},"type":7}`,
    })),
    fc
      .constantFrom(
        '',
        ' ',
        'null',
        '[]',
        '7',
        '""',
        '{}',
        `[${text}]`,
        `${text}${text}`,
        '[['.repeat(5_000),
      )
      .map((each) => ({ kind: 'no message', type, text: each })),
    fc.constant({
      kind: 'deep',
      type,
      text: `{"type":${deepText}}`,
    }),
  ];
  return fc.oneof(...broken).filter((frame) => !isUnder(direction, frame.text));
}
