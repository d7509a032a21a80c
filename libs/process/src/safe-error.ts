/**
 * An error as data that may be stored and shown: name, code, message, stack and causes with every
 * secret masked. What a parser read is never repeated: zod's issues appear as paths and messages, a
 * JSON error without its snippet.
 */
import { maskSecrets } from './secret-value.ts';

export type SafeError = Readonly<{
  name: string;
  message: string;
  code?: string;
  stack?: string;
  cause?: SafeError;
  errors?: readonly SafeError[];
}>;

const depthMax = 5;
const errorsMax = 10;
const messageLengthMax = 4_096;
const stackLengthMax = 8_192;

export function safeError(error: unknown): SafeError {
  return convert(error, 0);
}

function convert(error: unknown, depth: number): SafeError {
  if (!(error instanceof Error)) return { name: 'NonError', message: describe(error) };
  const message = safeMessage(error);
  const name = maskSecrets(textOf(error.name)).slice(0, 100);
  const code = 'code' in error && isCode(error.code) ? maskSecrets(String(error.code)) : undefined;
  const stack = safeStack(error, name, message);
  const deeper = depth < depthMax;
  return {
    name,
    message,
    ...(code === undefined ? {} : { code }),
    ...(stack === undefined ? {} : { stack }),
    ...(deeper && error.cause !== undefined ? { cause: convert(error.cause, depth + 1) } : {}),
    ...(deeper && error instanceof AggregateError
      ? { errors: error.errors.slice(0, errorsMax).map((one) => convert(one, depth + 1)) }
      : {}),
  };
}

function safeMessage(error: Error): string {
  const issues = issuesOf(error);
  if (issues) return cut(maskSecrets(issues.join('; ')), messageLengthMax);
  const message = textOf(error.message);
  // V8 quotes the text that it could not parse.
  if (error instanceof SyntaxError && message.includes('JSON')) return withoutSnippet(message);
  return cut(maskSecrets(message), messageLengthMax);
}

function withoutSnippet(message: string): string {
  const place = /at position \d+(?: \(line \d+ column \d+\))?/.exec(message)?.[0];
  return place === undefined ? 'invalid JSON' : `invalid JSON ${place}`;
}

/** By shape, so that it also holds for another copy of zod. */
function issuesOf(error: Error): readonly string[] | undefined {
  if (!('issues' in error) || !Array.isArray(error.issues)) return undefined;
  return error.issues.slice(0, 20).map((issue: unknown) => {
    if (typeof issue !== 'object' || issue === null) return 'invalid';
    const path =
      'path' in issue && Array.isArray(issue.path) ? issue.path.map(String).join('.') : '';
    const message = 'message' in issue ? String(issue.message) : 'invalid';
    return path === '' ? message : `${path}: ${message}`;
  });
}

/**
 * The frames alone come from the stack: its head repeats the message, which has just been cleaned.
 */
function safeStack(error: Error, name: string, message: string): string | undefined {
  if (typeof error.stack !== 'string') return undefined;
  const frames = error.stack.split('\n').filter((line) => /^\s+at /.test(line));
  if (frames.length === 0) return undefined;
  return cut([`${name}: ${message}`, ...frames.map(maskSecrets)].join('\n'), stackLengthMax);
}

function isCode(code: unknown): code is string | number {
  return typeof code === 'string' || typeof code === 'number';
}

function describe(thrown: unknown): string {
  if (typeof thrown === 'string') return cut(maskSecrets(thrown), messageLengthMax);
  // An object that was thrown may hold anything; its kind is enough to find the place that threw
  // it.
  if (typeof thrown === 'object' && thrown !== null)
    return `a thrown ${thrown.constructor?.name ?? 'object'}`;
  return String(thrown);
}

/** Errors of strangers may hold anything where a text belongs. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : `a ${typeof value}`;
}

function cut(text: string, lengthMax: number): string {
  return text.length > lengthMax ? `${text.slice(0, lengthMax)}…` : text;
}
