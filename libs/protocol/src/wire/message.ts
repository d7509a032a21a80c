/**
 * How a message is declared: its type, what it is for, its fields, and the rules between them.
 * Objects are loose everywhere: a field that nobody declared survives a parse.
 */
import { z } from 'zod';
import { ruled, type WireRule } from './rule.ts';

export function message<const Type extends string, Fields extends z.core.$ZodLooseShape>(
  type: Type,
  purpose: string,
  fields: Fields,
  rules: readonly WireRule[] = [],
) {
  const schema = z.looseObject({ type: z.literal(type).describe('Names the message.'), ...fields });
  return ruled(schema, rules).meta({ title: type, description: purpose });
}

/** An object inside messages, with a name of its own in the documents. */
export function part<Fields extends z.core.$ZodLooseShape>(
  title: string,
  purpose: string,
  fields: Fields,
  rules: readonly WireRule[] = [],
) {
  return ruled(z.looseObject(fields), rules).meta({ title, description: purpose });
}
