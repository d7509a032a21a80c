/** Schemas as Markdown: a table of fields, the type of each in words, and what is marked. */
import { z } from 'zod';
import { annotationOf } from '../src/wire/annotation.ts';
import { jsonSchemaOf } from '../src/wire/json-schema.ts';
import { elementOf, fieldsOf, isList, type Schema, unwrap } from '../src/wire/schema-tree.ts';
import { table } from './markdown.ts';

export function fieldTable(schema: Schema): string {
  const rows = [...fieldsOf(schema)].map(([name, field]) => [
    `\`${name}\``,
    typeName(field),
    field instanceof z.ZodOptional ? 'no' : 'yes',
    `${marks(field)}${descriptionOf(field)}`,
  ]);
  return table(['field', 'type', 'required', 'description'], rows);
}

export const titleOf = (schema: Schema): string => metaOf(schema)?.title ?? '';
export const descriptionOf = (schema: Schema): string =>
  metaOf(schema)?.description ?? metaOf(unwrap(schema))?.description ?? '';

const metaOf = (schema: Schema): z.GlobalMeta | undefined =>
  schema instanceof z.ZodType ? schema.meta() : undefined;

/** The named objects inside the given schemas, each once, in the order they are met. */
export function partsOf(schemas: readonly Schema[]): readonly Schema[] {
  const parts = new Map<string, Schema>();
  const descend = (schema: Schema): void => {
    const element = elementOf(schema);
    const inside = element === undefined ? [...fieldsOf(schema).values()] : [element];
    for (const inner of inside.map(unwrap)) {
      const title = fieldsOf(inner).size > 0 ? titleOf(inner) : '';
      if (title !== '' && !parts.has(title)) parts.set(title, inner);
      descend(inner);
    }
  };
  schemas.forEach(descend);
  return [...parts.values()];
}

export function originOf(schema: Schema): string {
  const origin = annotationOf(schema).origin ?? annotationOf(unwrap(schema)).origin;
  if (origin === undefined) return '';
  return origin === 'observed' ? '**Observed.** ' : '**Extension.** ';
}

const isSecret = (schema: Schema): boolean =>
  annotationOf(schema).secret === true || annotationOf(unwrap(schema)).secret === true;

const marks = (field: Schema): string =>
  `${isSecret(field) ? '**Secret.** ' : ''}${originOf(field)}`;

function typeName(field: Schema): string {
  const inner = unwrap(field);
  const orNull = acceptsNull(field) ? ' or null' : '';
  return `${baseName(inner)}${orNull}`;
}

function acceptsNull(field: Schema): boolean {
  if (field instanceof z.ZodNullable) return true;
  return field instanceof z.ZodOptional && acceptsNull(field.unwrap());
}

function baseName(schema: Schema): string {
  if (schema instanceof z.ZodLiteral) return `\`"${String(schema.value)}"\``;
  if (schema instanceof z.ZodEnum)
    return schema.options.map((option) => `\`${option}\``).join(' | ');
  if (schema instanceof z.ZodUnknown) return 'anything';
  const element = elementOf(schema);
  if (element !== undefined) return collectionName(schema, element);
  const title = titleOf(schema);
  if (title !== '') return `[${title}](#${title.toLowerCase()})`;
  return scalarName(schema);
}

function collectionName(schema: Schema, element: Schema): string {
  if (!isList(schema)) return `record of ${typeName(element)}`;
  const { maxItems } = schemaOf(schema);
  const most = typeof maxItems === 'number' ? ` (at most ${grouped(maxItems)})` : '';
  return `list${most} of ${typeName(element)}`;
}

function scalarName(schema: Schema): string {
  const { type, minLength, maxLength, minimum, maximum, pattern } = schemaOf(schema);
  const notes: string[] = [];
  if (typeof minLength === 'number') notes.push('not empty');
  if (minimum === 0) notes.push('not negative');
  else if (typeof minimum === 'number' && minimum > 0) notes.push(`at least ${minimum}`);
  for (const most of [maxLength, maximum]) {
    // The bounds of integers and dates as such say nothing to a reader.
    if (typeof most === 'number' && most < 1e12) notes.push(`at most ${grouped(most)}`);
  }
  if (typeof pattern === 'string' && !pattern.includes('\\p{Cc}')) notes.push(`\`${pattern}\``);
  const name = typeof type === 'string' ? type : 'anything';
  return notes.length === 0 ? name : `${name} (${notes.join(', ')})`;
}

const grouped = (number: number): string => number.toLocaleString('en-US');

const schemaOf = (schema: Schema): Readonly<Record<string, unknown>> =>
  schema instanceof z.ZodType ? jsonSchemaOf(schema) : {};
