/**
 * Hides every secret of a job in what its steps print: the values as they are, each of their lines, and how they look
 * in Base64 (alone, inside something longer, broken into lines), in JSON and in URLs. Invariant 8 rests on this file.
 */
import { wire } from '@waybill/protocol';

export type SecretMask = Readonly<{
  hide(text: string): string;
  /** The last place up to `at` where the text may be cut without cutting a secret in two. */
  cut(text: string, at: number): number;
  /** No secret is longer than this. */
  readonly charsMax: number;
  /** Before text is hidden that came in one piece. */
  refresh(): void;
}>;

/** A mask that learns: from the next character on what it was told is hidden too. */
export type GrowingMask = SecretMask &
  Readonly<{
    add(values: Iterable<string>): void;
    /** Asked before text is hidden: values that a step has just declared come first. Returns what ends it. */
    ask(source: () => void): () => void;
  }>;

export const hidden = '***';

/** Anything shorter would hide more than it protects. */
const charsMin = 3;
const encodedCharsMin = 6;
/** `base64` breaks its lines here. */
const base64Columns = 76;

export function secretMask(values: Iterable<string>): SecretMask {
  const forms = [...new Set([...values].flatMap(formsOf))].sort((a, b) => b.length - a.length);
  const charsMax = forms[0]?.length ?? 0;
  if (charsMax === 0)
    return { hide: (text) => text, cut: (_, at) => at, charsMax, refresh: () => undefined };
  const pattern = new RegExp(forms.map((form) => RegExp.escape(form)).join('|'), 'g');
  return {
    hide: (text) => text.replace(pattern, hidden),
    cut: (text, at) => {
      for (const match of text.matchAll(pattern)) {
        if (match.index < at && match.index + match[0].length > at) return match.index;
      }
      return at;
    },
    charsMax,
    refresh: () => undefined,
  };
}

export function growingMask(values: Iterable<string>): GrowingMask {
  const known = new Set(values);
  const sources = new Set<() => void>();
  let current = secretMask(known);
  return {
    hide: (text) => current.hide(text),
    cut: (text, at) => current.cut(text, at),
    get charsMax() {
      return current.charsMax;
    },
    add: (more) => {
      const before = known.size;
      for (const value of more) known.add(value);
      if (known.size > before) current = secretMask(known);
    },
    ask: (source) => {
      sources.add(source);
      return () => void sources.delete(source);
    },
    refresh: () => {
      for (const source of sources) source();
    },
  };
}

/** A JSON value in which every text is hidden, keys included. */
export function hideIn(mask: SecretMask, value: unknown): unknown {
  if (typeof value === 'string') return mask.hide(value);
  if (Array.isArray(value)) return value.map((each) => hideIn(mask, each));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [mask.hide(key), hideIn(mask, each)]),
  );
}

/** Every secret value of a dispatch, as its schema declares them. */
export function secretsOf(dispatch: wire.JobDispatch): ReadonlySet<string> {
  const found = new Set<string>();
  const collect = (value: unknown): void => {
    if (typeof value === 'string') found.add(value);
    else if (typeof value === 'object' && value !== null) Object.values(value).forEach(collect);
  };
  wire.mapSecrets(wire.JobDispatch, dispatch, (_path, value) => {
    collect(value);
    return value;
  });
  return found;
}

function formsOf(value: string): readonly string[] {
  if (value.length < charsMin) return [];
  const lines = value.split(/\r?\n/).map((line) => line.trim());
  const encoded = [value, `${value}\n`].flatMap(base64FormsOf);
  return [
    value,
    ...lines,
    JSON.stringify(value).slice(1, -1),
    encodeURIComponent(value.toWellFormed()),
    ...encoded.filter((form) => form.length >= encodedCharsMin),
    ...encoded
      .filter((form) => form.length >= encodedCharsMin)
      .map((form) => form.replaceAll('+', '-').replaceAll('/', '_')),
  ].filter((form) => form.length >= charsMin);
}

function base64FormsOf(value: string): readonly string[] {
  const bytes = Buffer.from(value);
  const whole = bytes.toString('base64');
  const broken: string[] = [];
  for (let at = 0; whole.length > base64Columns && at < whole.length; at += base64Columns) {
    broken.push(whole.slice(at, at + base64Columns));
  }
  return [whole, ...broken, ...[0, 1, 2].map((offset) => insideOf(bytes, offset))];
}

/** What of the value's Base64 does not depend on what stands around it, when it begins `offset` bytes into a triple. */
function insideOf(bytes: Buffer, offset: number): string {
  const shifted = Buffer.concat([Buffer.alloc(offset), bytes]);
  const from = Math.ceil((offset * 8) / 6);
  const to = Math.floor((shifted.length * 8) / 6);
  return shifted.toString('base64').slice(from, to);
}
