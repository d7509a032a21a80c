import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { annotationOf } from './annotation.ts';
import { typeOf, type WireMessageSchema, wireMessages } from './direction.ts';
import { type FieldRow, fieldTable } from './field-table.fixture.ts';
import { jsonSchemaOf } from './json-schema.ts';
import { wireSamples, wireSampleVariants } from './samples.fixture.ts';
import { elementOf, fieldsOf, type Schema, unwrap } from './schema-tree.ts';
import {
  directions,
  edited,
  judge,
  type Path,
  parsers,
  samplesOf,
  samplesWith,
  sampleWith,
  valueAt,
} from './verdict.fixture.ts';

const schemas = new Map<string, WireMessageSchema>(
  directions.flatMap((direction) =>
    wireMessages[direction].map((schema) => [typeOf(schema), schema] as const),
  ),
);
const rows = fieldTable.map((row) => ({ ...row, at: `${row.message} ${row.path.join('.')}` }));
const both = (valid: boolean): unknown => expect.objectContaining({ zod: valid, ajv: valid });

const objects = [
  ...new Map(
    fieldTable.map(({ message, path }) => {
      const parents = path.slice(0, -1);
      return [`${message} ${parents.join('.')}`, { message, parents }] as const;
    }),
  ).values(),
];

/** Every declared field of a schema, objects inside it included, as `a.b.*.c`. */
function declared(schema: Schema, prefix: Path = []): string[] {
  const element = elementOf(schema);
  if (element !== undefined) return declared(element, [...prefix, '*']);
  return [...fieldsOf(schema)].flatMap(([key, field]) => [
    [...prefix, key].join('.'),
    ...declared(field, [...prefix, key]),
  ]);
}

const starred = (path: Path) =>
  path
    .map((key) => (/^\d+$|^url$/.test(key) && path.length > 1 && key !== path.at(-1) ? '*' : key))
    .join('.');

describe('the schemas and the field tables', () => {
  test.each([...schemas])('%s declares exactly the fields of its table', (type, schema) => {
    const table = new Set(
      fieldTable.filter((row) => row.message === type).map((row) => starred(row.path)),
    );
    // Both kinds of GitAuth are one schema in two places: each place shows one kind's fields.
    const found = declared(schema).filter(
      (path) => path !== 'type' && !/^(sourceAuth\.ssh|workflowAuth\.user)/.test(path),
    );
    expect(new Set(found)).toEqual(table);
  });

  test('every type of the table is a message, and the other way round', () => {
    expect(new Set(fieldTable.map((row) => row.message))).toEqual(new Set(schemas.keys()));
  });

  test.each(
    [...Object.values(wireSamples), ...wireSampleVariants].map(
      (sample) => [sample.type, sample] as const,
    ),
  )('a complete %s is valid and comes back as it was', (type, sample) => {
    expect(judge(type, sample)).toEqual(both(true));
    for (const direction of directions) {
      const frame = parsers[direction](JSON.stringify(sample));
      if (frame.ok) expect(frame.message).toEqual(sample);
    }
  });

  test('what the table calls observed or an extension is marked so', () => {
    for (const { message, path, origin } of fieldTable) {
      const schema = schemas.get(message);
      const field = schema?.shape[path[0] ?? ''];
      if (schema === undefined || field === undefined || path.length > 1) continue;
      const marked =
        annotationOf(schema).origin ?? annotationOf(unwrap(field)).origin ?? 'published';
      expect([message, path, marked]).toEqual([message, path, origin]);
    }
  });
});

describe('each field', () => {
  test.each(rows.filter((row) => row.need === 'required'))(
    '$at: missing is invalid, and named',
    (row) => {
      const verdict = judge(
        row.message,
        edited(sampleWith(row.message, row.path), row.path, undefined),
      );
      expect(verdict).toEqual(both(false));
      expect(verdict.issues.map((issue) => issue.path)).toContain(shown(row.path));
    },
  );

  test.each(rows.filter((row) => row.need === 'optional'))('$at: may be missing', (row) => {
    expect(
      judge(row.message, edited(sampleWith(row.message, row.path), row.path, undefined)),
    ).toEqual(both(true));
  });

  test.each(rows.filter((row) => row.type !== 'anything'))(
    '$at: a wrong type is invalid, and named',
    (row) => {
      for (const value of wrongValues(row)) {
        const verdict = judge(
          row.message,
          edited(sampleWith(row.message, row.path), row.path, value),
        );
        expect(verdict, JSON.stringify(value)).toEqual(both(false));
        expect(verdict.issues.some((issue) => issue.path.startsWith(shown(row.path)))).toBe(true);
      }
    },
  );

  test.each(rows.filter((row) => row.nullable))('$at: may be null', (row) => {
    expect(judge(row.message, edited(sampleWith(row.message, row.path), row.path, null))).toEqual(
      both(true),
    );
  });

  test.each(rows.filter((row) => row.type === 'enum'))(
    '$at: takes its values and no other',
    (row) => {
      for (const value of row.values) {
        // Another value may break a rule of its sample, but is never refused at its own place by all.
        const refusals = samplesWith(row.message, row.path).map((sample) =>
          judge(row.message, edited(sample, row.path, value)).issues.some(
            (issue) => issue.path === shown(row.path),
          ),
        );
        expect(refusals).toContain(false);
      }
      for (const value of [...row.values.map((known) => known.toUpperCase()), '', 'other']) {
        expect(
          judge(row.message, edited(sampleWith(row.message, row.path), row.path, value)),
        ).toEqual(both(false));
      }
      const field = schemaAt(row);
      expect(new Set(field instanceof z.ZodEnum ? field.options : [])).toEqual(new Set(row.values));
    },
  );

  test.each(rows.filter((row) => bounds(row).length > 0))(
    '$at: is valid at its limits and not past them',
    (row) => {
      for (const [inside, outside] of bounds(row)) {
        const candidates = samplesWith(row.message, row.path);
        const verdicts = candidates.map((sample) =>
          judge(row.message, edited(sample, row.path, inside)),
        );
        expect(verdicts).toContainEqual(both(true));
        for (const sample of candidates) {
          expect(judge(row.message, edited(sample, row.path, outside))).toEqual(both(false));
        }
      }
    },
  );

  test.each(objects)(
    '$message $parents: a field that nobody declared survives',
    ({ message: type, parents }) => {
      const path = [...parents, 'x-unheard-of'];
      const sample = parents.length === 0 ? samplesOf(type)[0] : sampleWith(type, parents);
      const message = edited(sample, path, { deep: [1, null] });
      expect(judge(type, message)).toEqual(both(true));
      const frame = directions
        .map((direction) => parsers[direction](JSON.stringify(message)))
        .find(({ ok }) => ok);
      expect(frame?.ok && frame.message).toEqual(message);
    },
  );
});

const shown = (path: Path) =>
  path.map((key) => (path[0] === 'secretOutputs' && key === 'url' ? '*' : key)).join('.');

function wrongValues({ type, nullable }: FieldRow): readonly unknown[] {
  const noText = [42, true, {}, ['x']];
  const wrong: Readonly<Record<string, readonly unknown[]>> = {
    text: noText,
    enum: noText,
    number: ['1', true, {}, []],
    count: ['1', true, -1, 0.5, {}],
    boolean: ['true', 1, {}],
    texts: ['x', {}, [1], [null]],
    list: ['x', {}, ['x'], [1]],
    record: ['x', 1, ['x']],
    object: ['x', 1, ['x']],
  };
  return [...(wrong[type] ?? []), ...(nullable ? [] : [null])];
}

function schemaAt({ message, path }: FieldRow): Schema {
  let at: Schema | undefined = schemas.get(message);
  for (const key of path) {
    at = at === undefined ? undefined : (elementOf(at) ?? fieldsOf(at).get(key));
  }
  if (at === undefined) throw new Error(`${message} has no ${path.join('.')}`);
  return unwrap(at);
}

/** Pairs of a value at a limit and one past it, as the field's own JSON Schema states them. */
function bounds(row: FieldRow): readonly (readonly [unknown, unknown])[] {
  const field = schemaAt(row);
  if (!(field instanceof z.ZodType)) return [];
  const { minLength, maxLength, minimum, maximum, maxItems, items, pattern } = jsonSchemaOf(field);
  const element: unknown = valueAt(sampleWith(row.message, row.path), [...row.path, '0']);
  const pairs: (readonly [unknown, unknown])[] = [];
  if (typeof maxLength === 'number') pairs.push(['a'.repeat(maxLength), 'a'.repeat(maxLength + 1)]);
  if (minLength === 1) pairs.push(['a', '']);
  // The sample's own value is one that fits, whatever the pattern asks for.
  if (typeof pattern === 'string')
    pairs.push([valueAt(sampleWith(row.message, row.path), row.path), 'a\u0000b']);
  if (typeof minimum === 'number') pairs.push([minimum, minimum - 1]);
  if (typeof maximum === 'number') pairs.push([maximum, maximum * 2]);
  if (typeof maxItems === 'number' && items !== undefined) {
    pairs.push([Array(maxItems).fill(element), Array(maxItems + 1).fill(element)]);
  }
  return pairs;
}
