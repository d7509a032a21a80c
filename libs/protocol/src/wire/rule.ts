/**
 * Rules between the fields of one object, as data. One rule yields both the zod refinement and the
 * JSON Schema condition, so that the two cannot disagree; what JSON Schema cannot say is marked
 * with the reason.
 */
import { z } from 'zod';

type Path = readonly [string, ...string[]];
type Value = string | boolean;

export type WireTerm =
  | Readonly<{ has: Path }>
  | Readonly<{ lacks: Path }>
  | Readonly<{ at: Path; oneOf: readonly Value[] }>;

type Implication = Readonly<{ then: readonly WireTerm[] }>;
type Comparison = Readonly<{ same: readonly [Path, Path]; jsonSchema: null; reason: string }>;

export type WireRule = Readonly<{
  id: string;
  /** What must hold, for people; also the issue's message, so it never names a value. */
  statement: string;
  /** All of these together make the rule apply. */
  when: readonly WireTerm[];
  /** The field that an issue is reported at. */
  issueAt: Path;
}> &
  (Implication | Comparison);

export type JsonCondition = Readonly<Record<string, unknown>>;

const rules = z.registry<Readonly<{ rules: readonly WireRule[] }>>();

/** The same schema, holding the rules too. */
export function ruled<S extends z.ZodType>(schema: S, list: readonly WireRule[]): S {
  if (list.length === 0) return schema;
  const refined = schema.superRefine((value, context) => {
    for (const rule of list) {
      if (satisfies(rule, value)) continue;
      context.addIssue({ code: 'custom', path: [...rule.issueAt], message: rule.statement });
    }
  });
  rules.add(refined, { rules: list });
  return refined;
}

export const rulesOf = (schema: z.core.$ZodType): readonly WireRule[] =>
  rules.get(schema)?.rules ?? [];

export function satisfies(rule: WireRule, value: unknown): boolean {
  if (!rule.when.every((term) => holds(term, value))) return true;
  if ('then' in rule) return rule.then.every((term) => holds(term, value));
  const [left, right] = rule.same;
  return valueAt(value, left) === valueAt(value, right);
}

/** The rule as a JSON Schema condition, or null where JSON Schema cannot say it. */
export function ruleCondition(rule: WireRule): JsonCondition | null {
  if (!('then' in rule)) return rule.jsonSchema;
  return {
    $comment: rule.id,
    if: { allOf: rule.when.map(termCondition) },
    then: { allOf: rule.then.map(termCondition) },
  };
}

function holds(term: WireTerm, value: unknown): boolean {
  if ('has' in term) return valueAt(value, term.has) !== undefined;
  if ('lacks' in term) return valueAt(value, term.lacks) === undefined;
  const found = valueAt(value, term.at);
  return term.oneOf.some((allowed) => allowed === found);
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  let found: unknown = value;
  for (const key of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined;
    found = Reflect.get(found, key);
  }
  return found;
}

function termCondition(term: WireTerm): JsonCondition {
  if ('has' in term) return pathCondition(term.has, true);
  if ('lacks' in term) return { not: pathCondition(term.lacks, true) };
  return pathCondition(term.at, { enum: term.oneOf });
}

function pathCondition([key, ...rest]: readonly string[], leaf: unknown): JsonCondition {
  if (key === undefined) throw new Error('a rule needs a path');
  const inner = rest.length === 0 ? leaf : pathCondition(rest, leaf);
  return { type: 'object', required: [key], properties: { [key]: inner } };
}
