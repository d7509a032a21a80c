/**
 * Where the secrets of a message are, read from its schema, and two ways to replace them. Neither
 * touches its input; what holds no secret is shared with it. A value that does not have the shape
 * of its schema is treated as secret as far as its schema holds a secret anywhere in it.
 */
import { annotationOf } from './annotation.ts';
import { elementOf, fieldsOf, isList, type Schema, unwrap, variantsOf } from './schema-tree.ts';

/** `undefined` stands for a schema without secrets. */
type Plan =
  | Readonly<{ kind: 'secret' }>
  | Readonly<{ kind: 'fields'; fields: ReadonlyMap<string, Plan> }>
  | Readonly<{ kind: 'list' | 'record'; element: Plan }>
  | Readonly<{ kind: 'variants'; types: ReadonlyMap<string, Plan | undefined> }>;

export type SecretPath = readonly string[];
export type SecretMapping = (path: SecretPath, value: unknown) => unknown;

export const redacted = '[redacted]';

/** The paths of all secrets; `*` stands for any element of a list or record. */
export function secretPaths(schema: Schema): readonly SecretPath[] {
  const plan = planOf(schema);
  const paths = new Map(
    (plan === undefined ? [] : pathsOf(plan)).map((path) => [path.join('/'), path]),
  );
  return [...paths.values()];
}

/** A copy with every secret replaced. Of a message of an unknown type only the type remains. */
export const redact = (schema: Schema, value: unknown): unknown =>
  mapSecrets(schema, value, () => redacted);

/** A copy with every secret replaced by what `mapping` returns for its path and whole value. */
export function mapSecrets(schema: Schema, value: unknown, mapping: SecretMapping): unknown {
  const plan = planOf(schema);
  return plan === undefined ? value : apply(plan, value, [], mapping);
}

const plans = new WeakMap<Schema, Readonly<{ plan: Plan | undefined }>>();

function planOf(schema: Schema): Plan | undefined {
  const known = plans.get(schema);
  if (known !== undefined) return known.plan;
  const plan = makePlan(schema);
  plans.set(schema, { plan });
  return plan;
}

function makePlan(schema: Schema): Plan | undefined {
  if (annotationOf(schema).secret || annotationOf(unwrap(schema)).secret) return { kind: 'secret' };
  const variants = variantsOf(schema);
  // Always a plan, secrets or not: what is of no known type is secret as a whole.
  if (variants !== undefined) return { kind: 'variants', types: plansOf(variants) };
  const element = elementOf(schema);
  const inside = element === undefined ? undefined : planOf(element);
  if (inside !== undefined) return { kind: isList(schema) ? 'list' : 'record', element: inside };
  const fields = new Map<string, Plan>();
  for (const [name, plan] of plansOf(fieldsOf(schema))) {
    if (plan !== undefined) fields.set(name, plan);
  }
  return fields.size === 0 ? undefined : { kind: 'fields', fields };
}

const plansOf = (schemas: ReadonlyMap<string, Schema>): ReadonlyMap<string, Plan | undefined> =>
  new Map([...schemas].map(([name, schema]) => [name, planOf(schema)]));

function pathsOf(plan: Plan): readonly SecretPath[] {
  switch (plan.kind) {
    case 'secret':
      return [[]];
    case 'fields':
      return [...plan.fields].flatMap(([name, inner]) =>
        pathsOf(inner).map((path) => [name, ...path]),
      );
    case 'list':
    case 'record':
      return pathsOf(plan.element).map((path) => ['*', ...path]);
    case 'variants':
      return [...plan.types.values()].flatMap((inner) =>
        inner === undefined ? [] : pathsOf(inner),
      );
    default:
      return absurd(plan);
  }
}

function apply(plan: Plan, value: unknown, path: SecretPath, mapping: SecretMapping): unknown {
  if (value === undefined || value === null) return value;
  switch (plan.kind) {
    case 'secret':
      return mapping(path, value);
    case 'fields':
      return mapEntries(value, path, mapping, (key) => plan.fields.get(key));
    case 'list':
      if (!Array.isArray(value)) return mapping(path, value);
      return value.map((item: unknown, at) =>
        apply(plan.element, item, [...path, `${at}`], mapping),
      );
    case 'record':
      return mapEntries(value, path, mapping, () => plan.element);
    case 'variants':
      return applyVariant(plan.types, value, path, mapping);
    default:
      return absurd(plan);
  }
}

function applyVariant(
  types: ReadonlyMap<string, Plan | undefined>,
  value: unknown,
  path: SecretPath,
  mapping: SecretMapping,
): unknown {
  const type: unknown =
    typeof value === 'object' && value !== null ? Reflect.get(value, 'type') : undefined;
  if (typeof type === 'string' && types.has(type)) {
    const plan = types.get(type);
    return plan === undefined ? value : apply(plan, value, path, mapping);
  }
  const showsType = typeof type === 'string' && /^[\w.:-]{1,64}$/.test(type);
  return mapEntries(value, path, mapping, (key) =>
    key === 'type' && showsType ? undefined : { kind: 'secret' },
  );
}

function mapEntries(
  value: unknown,
  path: SecretPath,
  mapping: SecretMapping,
  planFor: (key: string) => Plan | undefined,
): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return mapping(path, value);
  // From entries, so that a key like `__proto__` stays a plain key.
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]: [string, unknown]) => {
      const plan = planFor(key);
      return [key, plan === undefined ? inner : apply(plan, inner, [...path, key], mapping)];
    }),
  );
}

function absurd(never: never): never {
  throw new Error(`not handled: ${JSON.stringify(never)}`);
}
