/**
 * A `WAYBILL_` variable that nothing reads is a typing mistake: named, with the variable that was
 * probably meant.
 */
import type { ConfigProblem } from './config-error.ts';

type Names = Readonly<{
  names: readonly string[];
  secrets: ReadonlySet<string>;
  known: readonly string[];
}>;

export function unknownVariables(
  env: Readonly<Record<string, string | undefined>>,
  { names, secrets, known }: Names,
): readonly ConfigProblem[] {
  const allowed = new Set([
    ...names,
    ...[...secrets].map((name) => `${name}_FILE`),
    ...known.flatMap((name) => (names.includes(name) ? [name] : [name, `${name}_FILE`])),
  ]);
  return Object.keys(env)
    .filter((name) => name.startsWith('WAYBILL_') && !allowed.has(name) && env[name] !== undefined)
    .map((name) => {
      const meant = closest(name, [...allowed]);
      return {
        variable: name,
        problem: `is unknown${meant === undefined ? '' : `: did you mean ${meant}?`}`,
      };
    });
}

/** The nearest name within a third of the length; further away is no mistyping but another word. */
export function closest(name: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.ceil(name.length / 3);
  for (const candidate of candidates) {
    const distance = editDistance(name, candidate);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Levenshtein's: insertions, deletions and replacements. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [i, a] of from.split('').entries()) {
    const next = [i + 1];
    for (const [j, b] of to.split('').entries()) {
      const replaced = (row[j] ?? 0) + (a === b ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
