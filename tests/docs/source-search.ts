/** Finds in source files what code can say: texts in the arguments of calls, members of unions, values of fields. */
import type { SourceFile, Tree } from '../tidy/tree.ts';
import { literalsIn } from './literal.ts';

/** A file, or a folder that ends in a slash. */
export type Places = readonly string[];

/** Sources alone: what only tests load says nothing to a user. */
export const sourcesIn = (tree: Tree, places: Places): readonly SourceFile[] =>
  tree.files.filter(
    ({ path, isCode, isSpec }) =>
      isCode &&
      !isSpec &&
      !/\/(?:support|scripts)\/|scripted-|test-servers/.test(path.replace(/^scripts\//, '')) &&
      places.some((place) => (place.endsWith('/') ? path.startsWith(place) : path === place)),
  );

/** The source of every argument of every call; `callee` ends right before its parenthesis. */
export function callsOf(
  { text, code }: SourceFile,
  callee: RegExp,
): readonly (readonly string[])[] {
  const pattern = new RegExp(`${callee.source}\\(`, 'g');
  return [...code.matchAll(pattern)].map((match) =>
    argumentsAt(text, code, match.index + match[0].length),
  );
}

function argumentsAt(text: string, code: string, from: number): readonly string[] {
  const found: string[] = [];
  let depth = 0;
  let begin = from;
  for (let at = from; at < code.length; at += 1) {
    const char = code.charAt(at);
    const closes = ')]}'.includes(char);
    const ends = depth === 0 && (closes || char === ';');
    if (ends || (char === ',' && depth === 0)) {
      found.push(text.slice(begin, at));
      begin = at + 1;
    }
    if (ends) break;
    if ('([{'.includes(char)) depth += 1;
    if (closes) depth -= 1;
  }
  return found.filter((argument) => argument.trim() !== '');
}

/** What a place in the code can say, wherever it stands. */
export type Finder = (tree: Tree) => readonly string[];

/** The texts of one argument of every call; a negative index counts from the last. */
export const textsOfCalls =
  (places: Places, callee: RegExp, argument: number): Finder =>
  (tree) =>
    sourcesIn(tree, places).flatMap((file) =>
      callsOf(file, callee).flatMap((given) => literalsIn(given.at(argument) ?? '')),
    );

/** Where a call does not write that argument out, as `path: call`: what it says there cannot be found. */
export const silentCalls =
  (places: Places, callee: RegExp, argument: number): Finder =>
  (tree) =>
    sourcesIn(tree, places).flatMap((file) =>
      callsOf(file, callee)
        .filter((given) => literalsIn(given.at(argument) ?? '').length === 0)
        .map((given) => `${file.path}: ${given.join(',').trim().slice(0, 60)}`),
    );

const textsByFile = new WeakMap<SourceFile, readonly string[]>();

function textsOf(file: SourceFile): readonly string[] {
  const texts = textsByFile.get(file) ?? literalsIn(file.text);
  textsByFile.set(file, texts);
  return texts;
}

/** Every text, whole, in which the pattern is found. */
export const textsLike =
  (places: Places, pattern: RegExp): Finder =>
  (tree) =>
    sourcesIn(tree, places)
      .flatMap(textsOf)
      .filter((text) => pattern.test(text));

/** What a pattern captures, first group that took part. */
export const captures =
  (places: Places, pattern: RegExp): Finder =>
  (tree) =>
    sourcesIn(tree, places).flatMap(({ text }) =>
      [...text.matchAll(pattern)].map(
        (match) => match.slice(1).find((group) => group !== undefined) ?? '',
      ),
    );

/** The members of a union of texts: `type Void = 'a' | 'b'`, or a field `code: 'a' | 'b'`. */
export const membersOf =
  (place: string, before: string): Finder =>
  (tree) =>
    sourcesIn(tree, [place]).flatMap(({ text }) => {
      const union = new RegExp(String.raw`${before}\s*((?:\|?\s*'[^'\n]+'\s*)+)`).exec(text)?.[1];
      return literalsIn(union ?? '');
    });

/** Texts that follow a pattern directly: `reason: 'x'`, `problem: …`. To the end of the member, whatever its shape. */
export const textsAfter =
  (places: Places, before: RegExp): Finder =>
  (tree) =>
    sourcesIn(tree, places).flatMap(({ text, code }) =>
      [...text.matchAll(new RegExp(before.source, 'g'))].flatMap((match) => {
        const from = match.index + match[0].length;
        return literalsIn(argumentsAt(text, code, from)[0] ?? '');
      }),
    );

/** Every text of a stretch of code, from one pattern to the next. */
export const textsBetween =
  (place: string, from: RegExp, to: RegExp): Finder =>
  (tree) =>
    sourcesIn(tree, [place]).flatMap(({ text }) => {
      const begin = text.search(from);
      const rest = begin < 0 ? '' : text.slice(begin);
      return literalsIn(rest.slice(0, Math.max(0, rest.search(to))));
    });
