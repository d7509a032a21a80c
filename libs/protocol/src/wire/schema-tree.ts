/** A schema seen as a tree: what is inside wrappers, objects, lists, records and unions. */
import { z } from 'zod';

export type Schema = z.core.$ZodType;

/** The schema inside any number of optional and nullable wrappers. */
export function unwrap(schema: Schema): Schema {
  let inner = schema;
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodNullable) inner = inner.unwrap();
  return inner;
}

/** The fields of an object by name; of anything else none. */
export function fieldsOf(schema: Schema): ReadonlyMap<string, Schema> {
  const inner = unwrap(schema);
  if (!(inner instanceof z.ZodObject)) return new Map();
  return new Map(Object.entries<Schema>(inner.shape));
}

/** What a list or record holds. */
export function elementOf(schema: Schema): Schema | undefined {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodArray) return inner.element;
  return inner instanceof z.ZodRecord ? inner.valueType : undefined;
}

export const isList = (schema: Schema): boolean => unwrap(schema) instanceof z.ZodArray;

/** The messages of a union by their type; of anything else `undefined`. */
export function variantsOf(schema: Schema): ReadonlyMap<string, Schema> | undefined {
  if (!(schema instanceof z.ZodDiscriminatedUnion)) return undefined;
  const variants = new Map<string, Schema>();
  for (const option of schema.options) {
    const type = fieldsOf(option).get('type');
    if (type instanceof z.ZodLiteral) variants.set(String(type.value), option);
  }
  return variants;
}
