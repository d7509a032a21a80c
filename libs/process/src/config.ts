/**
 * A service's configuration, read once: a schema whose keys are environment variables in, a frozen
 * value out, or one `ConfigError` with every problem. A secret's value is never repeated, and is
 * masked in logs from here on.
 */
import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { ConfigError, type ConfigProblem } from './config-error.ts';
import { maskSecrets, redacted, registerSecretValue } from './secret-value.ts';
import { isSecretSetting } from './setting.ts';
import { unknownVariables } from './unknown-variable.ts';

export type Environment = Readonly<Record<string, string | undefined>>;
/**
 * `known`: the variables of the whole product. With it, any other `WAYBILL_` variable is a problem.
 */
export type ReadConfigOptions = Readonly<{ known?: readonly string[] }>;

export function readConfig<S extends z.ZodObject>(
  schema: S,
  env: Environment,
  o: ReadConfigOptions = {},
): Readonly<z.infer<S>> {
  const settings = Object.entries<z.core.$ZodType>(schema.shape);
  const names = settings.map(([name]) => name);
  const secrets = new Set(
    settings.flatMap(([name, setting]) => (isSecretSetting(setting) ? [name] : [])),
  );
  const problems: ConfigProblem[] = [];
  const values: Record<string, string> = {};
  for (const name of names) {
    const read = secrets.has(name) ? readSecret(name, env) : { value: textOf(env[name]) };
    if ('problem' in read) problems.push(read.problem);
    else if (read.value !== undefined) values[name] = read.value;
  }
  for (const [name, value] of Object.entries(values)) rememberSecrets(value, secrets.has(name));

  const result = schema.safeParse(values);
  const unread = new Set(problems.map(({ variable }) => variable.replace(/_FILE$/, '')));
  if (!result.success) {
    for (const issue of result.error.issues) {
      const problem = problemOf(issue, values, secrets);
      // A secret that could not be read is reported for that, and not for being absent too.
      if (!unread.has(problem.variable)) problems.push(problem);
    }
  }
  if (o.known) problems.push(...unknownVariables(env, { names, secrets, known: o.known }));
  if (!result.success || problems.length > 0) throw new ConfigError(problems);
  return deepFreeze(result.data);
}

/** The password inside an address is a secret of its own, also where the address is none. */
function rememberSecrets(value: string, secret: boolean): void {
  const passwords = value
    .split(',')
    .map((part) => part.trim())
    .flatMap((part) => (URL.canParse(part) ? [new URL(part).password] : []));
  for (const text of secret ? [value, ...passwords] : passwords) {
    registerSecretValue(text, { keep: true });
  }
}

/** Compose files and unit files set variables to nothing to leave them out. */
function textOf(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}

type Read = Readonly<{ value: string | undefined } | { problem: ConfigProblem }>;

function readSecret(name: string, env: Environment): Read {
  const fileName = `${name}_FILE`;
  const [value, path] = [textOf(env[name]), textOf(env[fileName])];
  if (path === undefined) return { value };
  if (value !== undefined)
    return { problem: { variable: name, problem: `is given twice: also as ${fileName}` } };
  try {
    const content = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
    if (content !== '') return { value: content };
    return { problem: { variable: fileName, problem: 'names an empty file' } };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    return {
      problem: { variable: fileName, problem: `names a file that cannot be read (${code})` },
    };
  }
}

function problemOf(
  issue: z.core.$ZodIssue,
  values: Readonly<Record<string, string>>,
  secrets: ReadonlySet<string>,
): ConfigProblem {
  const variable = String(issue.path[0] ?? 'configuration');
  const value = values[variable];
  const message = Object.entries(values).reduce(
    (text, [name, secret]) => (secrets.has(name) ? text.replaceAll(secret, redacted) : text),
    issue.message,
  );
  if (issue.path.length === 0) return { variable, problem: message };
  if (value === undefined) {
    return {
      variable,
      problem: secrets.has(variable) ? `is required (or ${variable}_FILE)` : 'is required',
    };
  }
  if (secrets.has(variable)) return { variable, problem: message };
  const shown = value.length > 80 ? `${value.slice(0, 80)}…` : value;
  return { variable, problem: `${message}, got ${maskSecrets(JSON.stringify(shown))}` };
}

function deepFreeze<T>(value: T): Readonly<T> {
  if (
    typeof value === 'object' &&
    value !== null &&
    !Object.isFrozen(value) &&
    !ArrayBuffer.isView(value)
  ) {
    Object.freeze(value);
    for (const member of Object.values(value)) deepFreeze(member);
  }
  return value;
}
