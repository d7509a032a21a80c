/** Subjects against filters, as the server matches them: `*` is one token, `>` one or more at the end. */

export type Filter = (subject: string) => boolean;

const compiled = new Map<string, Filter>();
const compiledMax = 5_000;

export function filterOf(pattern: string): Filter {
  const known = compiled.get(pattern);
  if (known !== undefined) return known;
  if (compiled.size > compiledMax) compiled.clear();
  const filter = compile(pattern);
  compiled.set(pattern, filter);
  return filter;
}

function compile(pattern: string): Filter {
  if (!/[*>]/.test(pattern)) return (subject) => subject === pattern;
  const head = pattern.slice(0, -1);
  if (pattern.endsWith('.>') && !/[*>]/.test(head))
    return (subject) => subject.length > head.length && subject.startsWith(head);
  const source = pattern
    .split('.')
    .map((token) =>
      token === '*' ? '[^.]+' : token === '>' ? '.+' : token.replaceAll(/[$]/g, '\\$&'),
    )
    .join('\\.');
  const expression = new RegExp(`^${source}$`);
  return (subject) => expression.test(subject);
}

/** None means everything. */
export function anyOf(patterns: readonly string[]): Filter {
  const filters = patterns.map(filterOf);
  if (filters.length === 0) return () => true;
  return (subject) => filters.some((matches) => matches(subject));
}
