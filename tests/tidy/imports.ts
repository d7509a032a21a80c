/**
 * What a file imports, read by a light scan of its code: every static and dynamic import and
 * re-export with its line, and the file or package that it means.
 */
import path from 'node:path';
import { lineAt, type SourceFile, type Tree } from './tree.ts';

export type Import = Readonly<{
  line: number;
  specifier: string;
  /** Erased before anything runs. */
  typeOnly: boolean;
  /** `zod`, `node:fs`, `@waybill/journal`; null for a relative import. */
  packageName: string | null;
  /** What follows the package's name, without its slash. */
  subpath: string;
  /** The file that a relative import names, in the tree or not. */
  target: string | null;
}>;

const IMPORT =
  /\b(?:import|export)\b(\s+type\b)?(?:(?!\b(?:import|export)\b)[^'"`;()])*?(?:\bfrom\s*)?(?=['"])|\bimport\s*\(\s*(?=['"])|\brequire\s*\(\s*(?=['"])/g;

export function importsOf(file: SourceFile): readonly Import[] {
  return [...file.code.matchAll(IMPORT)].flatMap((match) => {
    const quoteAt = match.index + match[0].length;
    // `export const x = 'text'` looks alike up to its string.
    if (match[0].startsWith('export') && !/\bfrom\s*$/.test(match[0])) return [];
    if (/=\s*$/.test(match[0])) return [];
    const end = file.text.indexOf(file.text.charAt(quoteAt), quoteAt + 1);
    const specifier = file.text.slice(quoteAt + 1, end);
    return [describeImport(file, specifier, lineAt(file.text, quoteAt), match[1] !== undefined)];
  });
}

function describeImport(
  file: SourceFile,
  specifier: string,
  line: number,
  typeOnly: boolean,
): Import {
  if (specifier.startsWith('.')) {
    const target = path.posix.join(path.posix.dirname(file.path), specifier);
    return { line, specifier, typeOnly, packageName: null, subpath: '', target };
  }
  const parts = specifier.split('/');
  const width = specifier.startsWith('@') ? 2 : specifier.startsWith('node:') ? parts.length : 1;
  const packageName = parts.slice(0, width).join('/');
  return {
    line,
    specifier,
    typeOnly,
    packageName,
    subpath: parts.slice(width).join('/'),
    target: null,
  };
}

/** The first ring of files that import each other's values, for each place where there is one. */
export function importCycles(tree: Tree): readonly (readonly string[])[] {
  const edges = new Map(
    tree.files
      .filter(({ isCode }) => isCode)
      .map((file) => [
        file.path,
        importsOf(file).flatMap(({ target, typeOnly }) =>
          target === null || typeOnly ? [] : [target],
        ),
      ]),
  );
  const cycles: string[][] = [];
  const finished = new Set<string>();
  const visit = (file: string, trail: readonly string[]): void => {
    const seenAt = trail.indexOf(file);
    if (seenAt !== -1) {
      cycles.push([...trail.slice(seenAt), file]);
      return;
    }
    if (finished.has(file)) return;
    for (const target of edges.get(file) ?? []) visit(target, [...trail, file]);
    finished.add(file);
  };
  for (const file of edges.keys()) visit(file, []);
  return cycles;
}
