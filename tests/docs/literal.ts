/**
 * The texts in a piece of source code, as they are met at run time: quotes and escapes resolved, concatenations joined, and `…`
 * for what is filled in. What stands inside of a `${…}` is not a text of its own.
 */

import { maskSource } from '../tidy/source-mask.ts';

type Token = Readonly<{ text: string; from: number; to: number }>;

export const HOLE = '…';

/** In their order. Alternatives (`a ? 'x' : 'y'`) are several texts, `'x' + 'y'` is one. */
export function literalsIn(source: string): readonly string[] {
  const joined: { text: string; to: number }[] = [];
  for (const token of tokensOf(source, maskSource(source))) {
    const last = joined.at(-1);
    const between = last === undefined ? '' : source.slice(last.to, token.from);
    if (last !== undefined && /^\s*\+\s*$/.test(between)) {
      last.text += token.text;
      last.to = token.to;
    } else joined.push({ text: token.text, to: token.to });
  }
  return joined.map(({ text }) => text);
}

/** `code` has the quotes of texts, and blanks for those in comments and regular expressions. */
function tokensOf(source: string, code: string): readonly Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < source.length; at += 1) {
    const char = code.charAt(at);
    if (char === "'" || char === '"') {
      const to = endOfQuoted(source, at);
      tokens.push({ text: unescaped(source.slice(at + 1, to - 1)), from: at, to });
      at = to - 1;
    } else if (char === '`') {
      const token = templateAt(source, at);
      tokens.push(token);
      at = token.to - 1;
    }
  }
  return tokens;
}

function endOfQuoted(source: string, from: number): number {
  let at = from + 1;
  while (at < source.length && source.charAt(at) !== source.charAt(from))
    at += source.charAt(at) === '\\' ? 2 : 1;
  return at + 1;
}

function templateAt(source: string, from: number): Token {
  let text = '';
  let at = from + 1;
  while (at < source.length && source.charAt(at) !== '`') {
    if (source.startsWith('${', at)) {
      at = endOfHole(source, at + 2);
      if (!text.endsWith(HOLE)) text += HOLE;
      continue;
    }
    const width = source.charAt(at) === '\\' ? 2 : 1;
    text += unescaped(source.slice(at, at + width));
    at += width;
  }
  return { text, from, to: at + 1 };
}

/** Behind the brace that closes a `${`. */
function endOfHole(source: string, from: number): number {
  let depth = 1;
  let at = from;
  while (at < source.length && depth > 0) {
    const char = source.charAt(at);
    if (char === "'" || char === '"') at = endOfQuoted(source, at);
    else if (char === '`') at = templateAt(source, at).to;
    else {
      if (char === '{') depth += 1;
      if (char === '}') depth -= 1;
      at += 1;
    }
  }
  return at;
}

const unescaped = (text: string): string =>
  text.replaceAll(/\\(.)/gs, (_, char: string) => (char === 'n' ? '\n' : char));
