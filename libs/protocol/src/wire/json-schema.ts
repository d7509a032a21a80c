/**
 * The JSON Schemas (draft 2020-12) of messages, for agents in other languages: what zod yields,
 * with the rules between fields as conditions and our marks as `x-secret` and `x-origin`.
 */
import { z } from 'zod';
import { annotationOf } from './annotation.ts';
import { typeOf, type WireDirection, type WireMessageSchema, wireMessages } from './direction.ts';
import { ruleCondition, rulesOf } from './rule.ts';
import { unwrap } from './schema-tree.ts';

export type JsonSchema = Readonly<Record<string, unknown>>;

const draft = 'https://json-schema.org/draft/2020-12/schema';

/** One message, or any other schema made of the same parts. */
export function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, {
    target: 'draft-2020-12',
    io: 'input',
    override: ({ zodSchema, jsonSchema }) => {
      const conditions = rulesOf(zodSchema)
        .map(ruleCondition)
        .filter((rule) => rule !== null);
      if (conditions.length > 0) jsonSchema.allOf = conditions;
      const { secret, origin } = { ...annotationOf(unwrap(zodSchema)), ...annotationOf(zodSchema) };
      if (secret) jsonSchema['x-secret'] = true;
      if (origin !== undefined) jsonSchema['x-origin'] = origin;
    },
  });
}

export function messageJsonSchema(schema: WireMessageSchema): JsonSchema {
  const type = typeOf(schema);
  return { ...jsonSchemaOf(schema), $id: `urn:waybill:wire:${type}` };
}

/** One schema for everything that goes one way. */
export function directionJsonSchema(direction: WireDirection): JsonSchema {
  const schemas = wireMessages[direction].map((schema) => {
    const { $schema: _, ...body } = jsonSchemaOf(schema);
    return [typeOf(schema), body] as const;
  });
  return {
    $schema: draft,
    $id: `urn:waybill:wire:${direction}-message`,
    title: `${direction}-message`,
    oneOf: schemas.map(([type]) => ({ $ref: `#/$defs/${type}` })),
    $defs: Object.fromEntries(schemas),
  };
}
