/** A page of Markdown as the tests of the documents see it: sections with the rows of their tables, links, and commands. */

export type Section = Readonly<{
  heading: string;
  /** The cells of every table in it, without headings of columns. */
  rows: readonly (readonly string[])[];
}>;

export type Link = Readonly<{ target: string; line: number }>;

type Line = Readonly<{ text: string; line: number; fenced: boolean }>;

function linesOf(page: string): readonly Line[] {
  let fenced = false;
  return page.split('\n').map((text, index) => {
    const isFence = /^\s*(?:```|~~~)/.test(text);
    if (isFence) fenced = !fenced;
    return { text, line: index + 1, fenced: fenced || isFence };
  });
}

/** Every heading opens a section, whatever its level. */
export function sectionsOf(page: string): readonly Section[] {
  const sections: { heading: string; rows: (readonly string[])[] }[] = [];
  for (const { text, fenced } of linesOf(page)) {
    if (fenced) continue;
    const heading = /^#{1,6} (.+)$/.exec(text)?.[1];
    if (heading !== undefined) sections.push({ heading: heading.trim(), rows: [] });
    else if (text.startsWith('|')) sections.at(-1)?.rows.push(cellsOf(text));
  }
  // A table begins with the headings of its columns and a line of dashes.
  return sections.map(({ heading, rows }) => ({
    heading,
    rows: rows.filter((row, index) => !isRule(row) && !isRule(rows[index + 1] ?? [])),
  }));
}

const isRule = (row: readonly string[]): boolean =>
  row.length > 0 && row.every((cell) => /^:?-+:?$/.test(cell));

const cellsOf = (line: string): readonly string[] =>
  line
    .replace(/^\|/, '')
    .replace(/\|\s*$/, '')
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll(String.raw`\|`, '|'));

/** What stands in backticks in a cell; a pair of doubled ones may hold a single one. */
export const codeIn = (cell: string): readonly string[] =>
  [...cell.matchAll(/(?<!`)(`+)(.+?)\1(?!`)/g)].map((match) => (match[2] ?? '').trim());

/** Links to files and to headings of this page. Addresses of other places are not looked at. */
export function linksOf(page: string): readonly Link[] {
  return linesOf(page)
    .filter(({ fenced }) => !fenced)
    .flatMap(({ text, line }) =>
      [...text.replaceAll(/`[^`]*`/g, '').matchAll(/\]\(([^)\s]+)[^)]*\)/g)].map((match) => ({
        target: match[1] ?? '',
        line,
      })),
    )
    .filter(({ target }) => !/^[a-z]+:/.test(target));
}

/** The anchors that a page's headings have. */
export const anchorsOf = (page: string): readonly string[] =>
  linesOf(page).flatMap(({ text, fenced }) => {
    const heading = fenced ? undefined : /^#{1,6} (.+)$/.exec(text)?.[1];
    return heading === undefined ? [] : [anchorOf(heading)];
  });

const anchorOf = (heading: string): string =>
  heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(/\s/g, '-');

/** Everything that a page shows as code, line by line: fenced blocks, and what stands in backticks. */
export const codeLinesOf = (page: string): readonly string[] =>
  linesOf(page).flatMap(({ text, fenced }) => (fenced ? [text] : codeIn(text)));
