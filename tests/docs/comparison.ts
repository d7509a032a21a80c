/** What a page explains against what the code says, in both directions, as findings that name the repair. */
import type { Tree } from '../tidy/tree.ts';
import { HOLE } from './literal.ts';
import { codeIn, type Section } from './markdown-page.ts';
import type { ExitSource, Source } from './source.ts';

/** Fewer letters than this tell no text from another. */
const LETTERS_MIN = 5;

export function findings(
  sections: readonly Section[],
  sources: readonly Source[],
  tree: Tree,
): readonly string[] {
  const columns = Map.groupBy(sources, ({ section, column }) => `${section}\0${column}`);
  return [...columns.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { section: heading, column, kind } = first;
    const section = sections.find((each) => each.heading === heading);
    if (section === undefined) return [`there is no section "${heading}"`];
    const listed = [...new Set(section.rows.flatMap((row) => codeIn(row[column] ?? '')))];
    const heard = group.map((source) => ({ source, said: source.found(tree) }));
    if (heard.some(({ said }) => said.length === 0))
      return [`"${heading}": a pattern finds nothing in the code any more`];
    const wanted = telling(heard.filter(({ source }) => source.optional !== true));
    const possible = telling(heard);
    const explains = kind === 'code' ? isSame : isPartOf;
    return [
      ...wanted
        .filter((said) => !listed.some((entry) => explains(entry, said)))
        .map((said) => `"${heading}" does not explain ${JSON.stringify(said)}`),
      ...listed
        .filter((entry) => !possible.some((said) => explains(entry, said)))
        .map((entry) => `"${heading}" explains \`${entry}\`, which nothing says`),
    ];
  });
}

type Heard = Readonly<{ source: Source; said: readonly string[] }>;

const telling = (heard: readonly Heard[]): readonly string[] => [
  ...new Set(
    heard
      .flatMap(({ source, said }) =>
        source.kind === 'code' ? said : said.filter((text) => letters(text) >= LETTERS_MIN),
      )
      .filter((text) => text !== ''),
  ),
];

const letters = (text: string): number => text.replaceAll(/[^\p{L}]/gu, '').length;

/** What ends a process with which code, and what the page says of it. */
export function exitFindings(
  sections: readonly Section[],
  { section: heading, column, said }: ExitSource,
  tree: Tree,
): readonly string[] {
  const rows = sections.find((each) => each.heading === heading)?.rows ?? [];
  return said(tree).flatMap(({ text, exit }) => {
    const row = rows.find((cells) => codeIn(cells[0] ?? '').some((entry) => isPartOf(entry, text)));
    const written = row?.[column] ?? 'nothing';
    if (written.split(', ').includes(String(exit))) return [];
    return [
      `"${heading}": ${JSON.stringify(text)} ends with ${exit}, and the page says ${written}`,
    ];
  });
}

const isSame = (entry: string, said: string): boolean => entry === said;

/** Its pieces stand in the text in their order. */
export function isPartOf(entry: string, said: string): boolean {
  if (letters(entry) < LETTERS_MIN) return false;
  const text = said.replaceAll(/\s+/g, ' ');
  let at = 0;
  for (const piece of entry.split(HOLE).map((each) => each.trim())) {
    const found = text.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return true;
}
