/**
 * What a schema says about itself beyond its type: that its value is a secret, and where a field
 * or message comes from when it is not in the published field tables. Documents, JSON Schemas,
 * sealing and redaction all read it here.
 */
import { z } from 'zod';

export type WireOrigin = 'observed' | 'extension';
type Annotation = Readonly<{ secret?: true; origin?: WireOrigin }>;

const annotations = z.registry<Annotation>();

export const annotationOf = (schema: z.core.$ZodType): Annotation => annotations.get(schema) ?? {};

/** Marks the whole value: it is sealed before it is stored and never shown. */
export const secret = <S extends z.ZodType>(schema: S): S => annotate(schema, { secret: true });

/** Marks what existing agents send or accept though the published tables do not name it. */
export const observed = <S extends z.ZodType>(schema: S): S =>
  annotate(schema, { origin: 'observed' });

/** Marks what Waybill adds: optional for everybody, announced in `register.ack`. */
export const extension = <S extends z.ZodType>(schema: S): S =>
  annotate(schema, { origin: 'extension' });

function annotate<S extends z.ZodType>(schema: S, annotation: Annotation): S {
  // A clone, so that marking a schema here does not mark it wherever else it is used.
  const marked = schema.clone();
  annotations.add(marked, { ...annotationOf(schema), ...annotation });
  return marked;
}
