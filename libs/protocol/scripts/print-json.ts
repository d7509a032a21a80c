/**
 * JSON as the formatter of this repository leaves it, so that generated files pass its check:
 * objects on lines of their own, a list on one line where it fits.
 */
const columns = 100;

export const printJson = (value: unknown): string => `${print(value, 0, 0)}\n`;

/** `before` is how much of the line is taken already. */
function print(value: unknown, depth: number, before: number): string {
  if (Array.isArray(value)) return printList(value, depth, before);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries: readonly (readonly [string, unknown])[] = Object.entries(value).filter(
    ([, inner]) => inner !== undefined,
  );
  return enclose(
    '{',
    entries.map(([key, inner]) => {
      const head = `${JSON.stringify(key)}: `;
      return head + print(inner, depth + 1, indent(depth + 1).length + head.length);
    }),
    '}',
    depth,
  );
}

function printList(list: readonly unknown[], depth: number, before: number): string {
  const flat = list.every((item) => typeof item !== 'object' || item === null);
  const line = `[${list.map((item) => JSON.stringify(item)).join(', ')}]`;
  // The comma that may follow counts too.
  if (flat && before + line.length + 1 <= columns) return line;
  return enclose(
    '[',
    list.map((item) => print(item, depth + 1, indent(depth + 1).length)),
    ']',
    depth,
  );
}

function enclose(open: string, parts: readonly string[], close: string, depth: number): string {
  if (parts.length === 0) return open + close;
  const inside = parts.map((part) => indent(depth + 1) + part).join(',\n');
  return `${open}\n${inside}\n${indent(depth)}${close}`;
}

const indent = (depth: number): string => '  '.repeat(depth);
