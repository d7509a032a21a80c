/**
 * A copy of a source text in which comments, the contents of strings and regular expressions are
 * blanks: same length, same lines. Rules that look for code find code only, and positions agree.
 */

type Cursor = { at: number };

/** After these a slash begins a regular expression; after a value it divides. */
const BEFORE_REGEX =
  /(?:^|[(,=:[!&|?{};+\-*%~^<>]|\b(?:return|typeof|case|in|of|void|yield|await))$/;

export function maskSource(text: string): string {
  const out = text.split('');
  scanCode(text, out, { at: 0 }, false);
  return out.join('');
}

/** Scans up to the end, or, inside a template's `${`, up to the brace that closes it. */
function scanCode(text: string, out: string[], cursor: Cursor, inTemplate: boolean): void {
  let depth = 0;
  let tail = '';
  while (cursor.at < text.length) {
    if (skipCommentHere(text, out, cursor)) continue;
    if (skipValueHere(text, out, cursor, tail)) {
      tail = 'value';
      continue;
    }
    const char = text.charAt(cursor.at);
    if (char === '}' && inTemplate && depth === 0) return;
    if (char === '{') depth += 1;
    if (char === '}') depth -= 1;
    if (!/\s/.test(char)) tail = tailAfter(text, cursor.at);
    cursor.at += 1;
  }
}

function skipCommentHere(text: string, out: string[], cursor: Cursor): boolean {
  const pair = text.slice(cursor.at, cursor.at + 2);
  if (pair === '//' || (cursor.at === 0 && pair === '#!')) skipComment(text, out, cursor, '\n');
  else if (pair === '/*') skipComment(text, out, cursor, '*/');
  else return false;
  return true;
}

function skipValueHere(text: string, out: string[], cursor: Cursor, tail: string): boolean {
  const char = text.charAt(cursor.at);
  if (char === '"' || char === "'") skipString(text, out, cursor, char);
  else if (char === '`') skipTemplate(text, out, cursor);
  else if (char === '/' && BEFORE_REGEX.test(tail)) skipRegex(text, out, cursor);
  else return false;
  return true;
}

/** The last few characters of code, enough to recognise a keyword. */
function tailAfter(text: string, at: number): string {
  return /[\w$]*.?$/.exec(text.slice(Math.max(0, at - 9), at + 1))?.[0] ?? '';
}

function blank(text: string, out: string[], from: number, to: number): void {
  for (let at = from; at < to; at += 1) {
    if (text.charAt(at) !== '\n') out[at] = ' ';
  }
}

function skipComment(text: string, out: string[], cursor: Cursor, end: string): void {
  const found = text.indexOf(end, cursor.at + 2);
  const to = found === -1 ? text.length : found + (end === '\n' ? 0 : end.length);
  blank(text, out, cursor.at, to);
  cursor.at = to;
}

function skipString(text: string, out: string[], cursor: Cursor, quote: string): void {
  const from = cursor.at + 1;
  let to = from;
  while (to < text.length && text.charAt(to) !== quote && text.charAt(to) !== '\n') {
    to += text.charAt(to) === '\\' ? 2 : 1;
  }
  blank(text, out, from, Math.min(to, text.length));
  cursor.at = to + 1;
}

function skipTemplate(text: string, out: string[], cursor: Cursor): void {
  cursor.at += 1;
  while (cursor.at < text.length && text.charAt(cursor.at) !== '`') {
    if (text.startsWith('${', cursor.at)) {
      blank(text, out, cursor.at, cursor.at + 1);
      cursor.at += 2;
      scanCode(text, out, cursor, true);
      cursor.at += 1;
      continue;
    }
    const width = text.charAt(cursor.at) === '\\' ? 2 : 1;
    blank(text, out, cursor.at, Math.min(cursor.at + width, text.length));
    cursor.at += width;
  }
  cursor.at += 1;
}

function skipRegex(text: string, out: string[], cursor: Cursor): void {
  const from = cursor.at + 1;
  let to = from;
  let inClass = false;
  while (to < text.length && text.charAt(to) !== '\n') {
    const char = text.charAt(to);
    if (char === '/' && !inClass) break;
    if (char === '[') inClass = true;
    if (char === ']') inClass = false;
    to += char === '\\' ? 2 : 1;
  }
  blank(text, out, from, Math.min(to, text.length));
  cursor.at = to + 1;
}
