/**
 * The place of an issue as text. Keys of records are the sender's own words and may hold anything,
 * so they appear as `*`; names of declared fields and places in lists appear as they are.
 */
import { elementOf, fieldsOf, type Schema, variantsOf } from './schema-tree.ts';

export function schemaPath(schema: Schema, type: string, path: readonly PropertyKey[]): string {
  const variants = variantsOf(schema);
  let at = variants === undefined ? schema : variants.get(type);
  const shown: string[] = [];
  for (const key of path) {
    const field: Schema | undefined = at === undefined ? undefined : fieldsOf(at).get(String(key));
    shown.push(field !== undefined || typeof key === 'number' ? String(key) : '*');
    at = field ?? (at === undefined ? undefined : elementOf(at));
  }
  return shown.join('.');
}
