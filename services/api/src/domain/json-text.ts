/**
 * Strict JSON from bytes, before anything is believed of it: UTF-8, one value, no key twice, no deeper than the limit. A
 * refusal names the place and never repeats what stands there. The places of the outermost members are kept, so that one
 * of them can be stored with the bytes that it came with.
 */

type Range = Readonly<{ start: number; end: number }>;

export type JsonRefusal = Readonly<{
  code: 'json-malformed' | 'json-duplicate-key' | 'json-too-deep';
  message: string;
  line: number;
  column: number;
  /** In UTF-16 code units from 0. */
  offset: number;
}>;

export type JsonText = Readonly<{
  kind: 'json';
  value: unknown;
  text: string;
  /** The values of the outermost object, by key. */
  members: ReadonlyMap<string, Range>;
}>;

type Scan = {
  readonly text: string;
  readonly depthMax: number;
  readonly members: Map<string, Range>;
  refusal: JsonRefusal | undefined;
};

/** What a scanning function returns instead of the next offset. */
const REFUSED = -1;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

export function readJson(bytes: Uint8Array, depthMax: number): JsonText | JsonRefusal {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return {
      code: 'json-malformed',
      message: 'the body is not UTF-8',
      line: 1,
      column: 1,
      offset: 0,
    };
  }
  return readJsonText(text, depthMax);
}

export function readJsonText(text: string, depthMax: number): JsonText | JsonRefusal {
  const scan: Scan = { text, depthMax, members: new Map(), refusal: undefined };
  const start = skipBlank(text, 0);
  const end =
    start === text.length ? refuse(scan, start, 'there is nothing here') : value(scan, start, 0);
  const rest = end === REFUSED ? REFUSED : skipBlank(text, end);
  if (rest !== REFUSED && rest < text.length) refuse(scan, rest, 'nothing may follow the value');
  if (scan.refusal !== undefined) return scan.refusal;
  return { kind: 'json', value: JSON.parse(text) as unknown, text, members: scan.members };
}

export const placeOf = ({ line, column }: Readonly<{ line: number; column: number }>): string =>
  `line ${line}, column ${column}`;

function refuse(
  scan: Scan,
  offset: number,
  message: string,
  code: JsonRefusal['code'] = 'json-malformed',
): number {
  const before = scan.text.slice(0, offset);
  const line = before.split('\n').length;
  const column = offset - before.lastIndexOf('\n');
  scan.refusal = { code, message, line, column, offset };
  return REFUSED;
}

function skipBlank(text: string, from: number): number {
  let at = from;
  for (; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) break;
  }
  return at;
}

function value(scan: Scan, at: number, depth: number): number {
  switch (scan.text[at]) {
    case '{':
    case '[':
      if (depth < scan.depthMax) return container(scan, at, depth + 1);
      return refuse(scan, at, `nested deeper than ${scan.depthMax}`, 'json-too-deep');
    case '"':
      return string(scan, at);
    case 't':
      return word(scan, at, 'true');
    case 'f':
      return word(scan, at, 'false');
    case 'n':
      return word(scan, at, 'null');
    case undefined:
      return refuse(scan, at, 'the text ends in the middle');
    default:
      NUMBER.lastIndex = at;
      return NUMBER.test(scan.text)
        ? NUMBER.lastIndex
        : refuse(scan, at, 'a value is expected here');
  }
}

const word = (scan: Scan, at: number, expected: string): number =>
  scan.text.startsWith(expected, at)
    ? at + expected.length
    : refuse(scan, at, `${expected} is not spelled out`);

function container(scan: Scan, from: number, depth: number): number {
  const { text } = scan;
  const isObject = text[from] === '{';
  const close = isObject ? '}' : ']';
  const keys = new Set<string>();
  let at = skipBlank(text, from + 1);
  if (text[at] === close) return at + 1;
  for (;;) {
    const end = isObject ? member(scan, at, depth, keys) : value(scan, at, depth);
    if (end === REFUSED) return REFUSED;
    at = skipBlank(text, end);
    if (text[at] === close) return at + 1;
    if (text[at] !== ',') {
      const what =
        at >= text.length ? 'the text ends in the middle' : `"," or "${close}" is expected here`;
      return refuse(scan, at, what);
    }
    at = skipBlank(text, at + 1);
  }
}

function member(scan: Scan, at: number, depth: number, keys: Set<string>): number {
  const { text } = scan;
  if (text[at] !== '"') return refuse(scan, at, 'a key in double quotes is expected here');
  const keyEnd = string(scan, at);
  if (keyEnd === REFUSED) return REFUSED;
  const key = keyOf(text.slice(at, keyEnd));
  if (keys.has(key)) return refuse(scan, at, 'this key stands here twice', 'json-duplicate-key');
  keys.add(key);
  const colon = skipBlank(text, keyEnd);
  if (text[colon] !== ':') return refuse(scan, colon, '":" is expected here');
  const start = skipBlank(text, colon + 1);
  const end = value(scan, start, depth);
  if (depth === 1 && end !== REFUSED) scan.members.set(key, { start, end });
  return end;
}

/** Escapes are resolved: `"a"` and `"\u0061"` are one key. */
const keyOf = (quoted: string): string =>
  quoted.includes('\\') ? String(JSON.parse(quoted)) : quoted.slice(1, -1);

function string(scan: Scan, from: number): number {
  const { text } = scan;
  for (let at = from + 1; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) return at + 1;
    if (unit < 0x20) return refuse(scan, at, 'a control character must be escaped');
    if (unit !== BACKSLASH) continue;
    const escaped = text[at + 1] ?? '';
    const isUnicode = escaped === 'u' && /^[0-9a-fA-F]{4}$/.test(text.slice(at + 2, at + 6));
    if (!isUnicode && (escaped === '' || !'"\\/bfnrt'.includes(escaped)))
      return refuse(scan, at, 'this escape does not exist');
    at += isUnicode ? 5 : 1;
  }
  return refuse(scan, from, 'this text has no end');
}
