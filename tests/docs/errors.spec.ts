/** `docs/errors.md` against the code: everything that a user can meet is explained, and nothing that nobody says. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectTree, treeOf } from '../tidy/tree.ts';
import { exitSources } from './command-sources.ts';
import { exitFindings, findings, isPartOf } from './comparison.ts';
import { problemRows, problemSections, sources } from './error-sources.ts';
import { literalsIn } from './literal.ts';
import { sectionsOf } from './markdown-page.ts';
import type { Source } from './source.ts';
import { membersOf, silentCalls, textsAfter, textsOfCalls } from './source-search.ts';

const root = path.resolve(import.meta.dirname, '..', '..');
const page = sectionsOf(readFileSync(path.join(root, 'docs', 'errors.md'), 'utf8'));
const tree = projectTree();

describe('docs/errors.md', () => {
  it('explains every code and message of the code, and none that the code does not have', () => {
    expect(findings(page, sources, tree).join('\n')).toBe('');
  }, 30_000);

  it('names the exit code that a message ends with', () => {
    for (const source of exitSources) {
      expect(source.said(tree).length).toBeGreaterThan(5);
      expect(exitFindings(page, source, tree)).toEqual([]);
    }
  });

  it('repeats the catalogue of the api word for word', () => {
    const rows = page
      .filter(({ heading }) => problemSections.some((each) => each === heading))
      .flatMap((section) =>
        section.rows.map((row) => row.map((cell) => cell.replaceAll('\\', ''))),
      );
    const line = (row: readonly string[]): string => `| ${row.join(' | ')} |`;
    expect(rows.map(line).toSorted()).toEqual(problemRows.map(line).toSorted());
  });

  it('has no table that is not held against the code', () => {
    const known = new Set<string>([...sources.map(({ section }) => section), ...problemSections]);
    const free = page.filter(({ heading, rows }) => rows.length > 0 && !known.has(heading));
    expect(free.map(({ heading }) => heading)).toEqual([]);
  });
});

it('every error is thrown with its code written out, so that it can be found', () => {
  const places = ['libs/', 'services/', 'apps/'];
  const classes = /\bnew (?:Outage|JournalError|EmbeddedError|SealError|JobAborted)/;
  expect(silentCalls(places, classes, 0)(tree)).toEqual([]);
});

describe('the comparison notices', () => {
  const source = (kind: Source['kind'], found: Source['found']): Source => ({
    section: 'S',
    column: 0,
    kind,
    found,
  });
  const listing = (...entries: readonly string[]) =>
    sectionsOf(
      ['## S', '', '| a |', '|---|', ...entries.map((entry) => `| \`${entry}\` |`)].join('\n'),
    );
  const code = treeOf({
    'libs/x/src/a.ts': "throw new Outage('made-up', `the ${thing} is ${cond ? 'a' : 'b'} away`);",
    'libs/x/src/b.ts': "type Why =\n  | 'one'\n  | 'two';",
  });
  const outages = textsOfCalls(['libs/'], /\bnew Outage/, 0);

  it('a code that is not explained', () => {
    expect(findings(listing('one'), [source('code', outages)], code)).toEqual([
      '"S" does not explain "made-up"',
      '"S" explains `one`, which nothing says',
    ]);
    expect(findings(listing('made-up'), [source('code', outages)], code)).toEqual([]);
  });

  it('a message that is not explained, and lets a stable part stand for it', () => {
    const messages = source('text', textsOfCalls(['libs/'], /\bnew Outage/, 1));
    expect(findings(listing('the … is … away'), [messages], code)).toEqual([]);
    expect(findings(listing('the … is … gone'), [messages], code)).toHaveLength(2);
    expect(isPartOf('…', 'anything at all')).toBe(false);
  });

  it('a member of a union that is not explained', () => {
    const members = source('code', membersOf('libs/x/src/b.ts', 'type Why ='));
    expect(findings(listing('one'), [members], code)).toEqual(['"S" does not explain "two"']);
  });

  it('an exit code that is another one', () => {
    const rows = sectionsOf('## S\n\n| a | b |\n|---|---|\n| `it … away` | 1, 78 |');
    const ending = (exit: number) => ({
      section: 'S',
      column: 1,
      said: () => [{ text: 'it is far away', exit }],
    });
    expect(exitFindings(rows, ending(78), code)).toEqual([]);
    expect(exitFindings(rows, ending(69), code)).toEqual([
      '"S": "it is far away" ends with 69, and the page says 1, 78',
    ]);
  });

  it('a section that is missing, and a pattern that finds nothing any more', () => {
    expect(findings([], [source('code', outages)], code)).toEqual(['there is no section "S"']);
    expect(findings(listing('one'), [source('code', () => [])], code)).toEqual([
      '"S": a pattern finds nothing in the code any more',
    ]);
  });

  it('a code in an error of the project that the page has not heard of', () => {
    const text = "throw new Outage('quite-new', 'NATS did not answer x');";
    const { files } = treeOf({ 'services/api/src/shell/new.ts': text });
    const more = { ...tree, files: [...tree.files, ...files] };
    const before = findings(page, sources, tree);
    const fresh = findings(page, sources, more).filter((finding) => !before.includes(finding));
    expect(fresh).toEqual(['"Outages" does not explain "quite-new"']);
  }, 30_000);
});

describe('reading texts out of code', () => {
  it.each([
    [String.raw`'it\'s'`, ["it's"]],
    ["'a ' +\n  'b'", ['a b']],
    ["ok ? 'a' : 'b'", ['a', 'b']],
    ['`a ${f(`b ${c}`, "}")} d`', ['a … d']],
    ["// 'no'\n'yes'", ['yes']],
  ])('%s', (text, expected) => {
    expect(literalsIn(text)).toEqual(expected);
  });

  it('finds the argument that is asked for, and calls that do not write it out', () => {
    const code = treeOf({
      'libs/x/src/a.ts':
        "log.warn({ a: [1, ','] }, 'said');\nlog.warn(told);\nx = { why: 'because', y };",
    });
    const warn = /\blog\.warn/;
    expect(textsOfCalls(['libs/'], warn, -1)(code)).toEqual(['said']);
    expect(silentCalls(['libs/'], warn, -1)(code)).toEqual(['libs/x/src/a.ts: told']);
    expect(textsAfter(['libs/'], /\bwhy: /)(code)).toEqual(['because']);
  });
});
