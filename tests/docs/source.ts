/** How the tests of `docs/errors.md` say what the code can say, and which column of which table explains it. */
import type { Tree } from '../tidy/tree.ts';
import type { Finder } from './source-search.ts';

export type Source = Readonly<{
  section: string;
  /** Of the table; 0 is the first. */
  column: number;
  /** A code is named exactly; of a text, a part that tells it from others, with `…` for what varies. */
  kind: 'code' | 'text';
  found: Finder;
  /** May be explained and need not be. */
  optional?: true;
}>;

export const everywhere = ['libs/', 'services/', 'apps/'];
export const given =
  (values: readonly string[]): Finder =>
  () =>
    values;

export const codes = (section: string, found: Finder, column = 0): Source => ({
  section,
  column,
  kind: 'code',
  found,
});
export const texts = (section: string, found: Finder, column = 0): Source => ({
  section,
  column,
  kind: 'text',
  found,
});
export const mayBe = (source: Source): Source => ({ ...source, optional: true });

/** Which text ends a process with which exit code. */
export type ExitSource = Readonly<{
  section: string;
  column: number;
  said: (tree: Tree) => readonly Readonly<{ text: string; exit: number }>[];
}>;
