/**
 * What may stand in a log line: a bounded plain copy of a value in which secret keys, at any depth,
 * are redacted, URLs lose their query, errors are made safe, and all text is masked. Anything that
 * is not data becomes its name.
 */
import { safeError } from './safe-error.ts';
import { maskSecrets, redacted } from './secret-value.ts';

const depthMax = 8;
const membersMax = 100;
const textLengthMax = 8_192;
const valuesMax = 2_000;

/**
 * Compared without case and separators: `agentToken`, `NATS_PASSWORD` and `x-api-key` all end in
 * one of these.
 */
const secretEndings = [
  'token',
  'secret',
  'secrets',
  'secretoutputs',
  'password',
  'passwd',
  'passphrase',
  'privatekey',
  'apikey',
  'sshkey',
  'nkey',
  'authorization',
  'cookie',
  'credentials',
  'creds',
  '$sealed',
] as const;

/** By name alone: does a member so called hold a secret? */
export function isSecretKey(key: string): boolean {
  const plain = key.toLowerCase().replaceAll(/[-_.\s]/g, '');
  return secretEndings.some((ending) => plain.endsWith(ending)) || plain === 'installenvsecrets';
}

/** `secretKeys`: further exact names, as a schema declares them. */
export function redact(value: unknown, secretKeys: ReadonlySet<string> = new Set()): unknown {
  return copy(value, { secretKeys, leftMax: valuesMax }, 0);
}

/** The members of any object, as `redact` shows them. */
export function redactRecord(
  value: object,
  secretKeys: ReadonlySet<string> = new Set(),
): Readonly<Record<string, unknown>> {
  return copyRecord(value, { secretKeys, leftMax: valuesMax }, 0);
}

/**
 * One copy under way. What it may still visit is counted: depth and width alone let a cyclic value
 * explode.
 */
type Copying = { readonly secretKeys: ReadonlySet<string>; leftMax: number };

function copy(value: unknown, copying: Copying, depth: number): unknown {
  copying.leftMax -= 1;
  switch (typeof value) {
    case 'string':
      return safeText(value);
    case 'number':
    case 'boolean':
    case 'undefined':
      return value;
    case 'bigint':
      return value.toString();
    case 'object':
      return value === null ? null : copyObject(value, copying, depth);
    default:
      return `[${typeof value}]`;
  }
}

function copyObject(value: object, copying: Copying, depth: number): unknown {
  if (value instanceof Error) return safeError(value);
  if (value instanceof Date)
    return Number.isNaN(value.getTime()) ? '[invalid date]' : value.toISOString();
  if (value instanceof URL) return withoutQuery(value.href);
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (depth >= depthMax || copying.leftMax <= 0) return '[more]';
  if (Array.isArray(value)) return copyArray(value, copying, depth);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype)
    return `[${value.constructor?.name ?? 'object'}]`;
  return copyRecord(value, copying, depth);
}

function copyArray(value: readonly unknown[], copying: Copying, depth: number): unknown {
  const members = value.slice(0, membersMax).map((member) => copy(member, copying, depth + 1));
  return value.length > membersMax ? [...members, `[${value.length - membersMax} more]`] : members;
}

function copyRecord(
  value: object,
  copying: Copying,
  depth: number,
): Readonly<Record<string, unknown>> {
  const members = Object.entries(value);
  const plain: [string, unknown][] = [];
  for (const [key, member] of members.slice(0, membersMax)) {
    plain.push([maskSecrets(key), copyMember(key, member, copying, depth)]);
  }
  if (members.length > membersMax) plain.push(['…', `[${members.length - membersMax} more]`]);
  // fromEntries defines members and does not assign them: a key called __proto__ stays data.
  return Object.fromEntries(plain);
}

function copyMember(key: string, member: unknown, copying: Copying, depth: number): unknown {
  // Whether a secret is there at all may be known: it helps, and says nothing about its value.
  const present = member !== undefined && member !== null && typeof member !== 'boolean';
  if (present && (copying.secretKeys.has(key) || isSecretKey(key))) return redacted;
  if (typeof member === 'string' && /url$/i.test(key)) return withoutQuery(member);
  return copy(member, copying, depth + 1);
}

/** Masked before it is cut: half a secret at the cut would match nothing. */
function safeText(text: string): string {
  const masked = maskSecrets(text);
  return masked.length > textLengthMax
    ? `${masked.slice(0, textLengthMax)}…[${masked.length} characters]`
    : masked;
}

/** A presigned URL is a secret because of its query; the rest of it is what one wants to read. */
function withoutQuery(url: string): string {
  const at = url.search(/[?#]/);
  return safeText(at < 0 ? url : `${url.slice(0, at)}?${redacted}`);
}
