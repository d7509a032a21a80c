/** `${{ … }}` in the keys of caches: hashes of files, values of the matrix and of the job's variables, and what runs it. */
export type TemplateContext = Readonly<{
  hashFiles(patterns: readonly string[]): Promise<string>;
  matrix: Readonly<Record<string, unknown>>;
  env: Readonly<Record<string, string>>;
  runner: Readonly<{ os: string; arch: string }>;
}>;

export class TemplateError extends Error {
  override readonly name = 'TemplateError';
}

const expression = /\$\{\{\s*(.*?)\s*\}\}/g;
const call = /^hashFiles\(\s*('(?:[^']*)'(?:\s*,\s*'(?:[^']*)')*)\s*\)$/;
const named = /^(matrix|env|runner)\.([\w.-]+)$/;

export async function fill(text: string, context: TemplateContext): Promise<string> {
  const parts: string[] = [];
  let at = 0;
  for (const match of text.matchAll(expression)) {
    parts.push(text.slice(at, match.index), await valueOf(match[1] ?? '', context));
    at = match.index + match[0].length;
  }
  return [...parts, text.slice(at)].join('');
}

async function valueOf(inner: string, context: TemplateContext): Promise<string> {
  const files = call.exec(inner)?.[1];
  if (files !== undefined)
    return context.hashFiles([...files.matchAll(/'([^']*)'/g)].map(([, file = '']) => file));
  const [, space, key = ''] = named.exec(inner) ?? [];
  if (space === 'env') return context.env[key] ?? '';
  if (space === 'matrix') return textOf(context.matrix[key]);
  if (space === 'runner' && (key === 'os' || key === 'arch')) return context.runner[key];
  throw new TemplateError(`"${inner}" in a cache key says nothing that is known here`);
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
