/**
 * The project as the rules see it: every file that git tracks or would track, with its text, its
 * code without comments and strings, and the package that it belongs to.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { maskSource } from './source-mask.ts';

export type SourceFile = Readonly<{
  path: string;
  text: string;
  /** Same length as the text. Empty for what is not JavaScript or TypeScript. */
  code: string;
  isCode: boolean;
  /** Only tests load it. */
  isSpec: boolean;
  /** `libs/journal`; empty for what belongs to the root. */
  folder: string;
}>;

export type Manifest = Readonly<{ path: string; folder: string; name: string; json: unknown }>;

export type Tree = Readonly<{
  files: readonly SourceFile[];
  byPath: ReadonlyMap<string, SourceFile>;
  manifests: readonly Manifest[];
}>;

const CODE = /\.(?:ts|mts|mjs|js)$/;
const BINARY = /\.(?:png|jpg|ico|gz|zst|tgz|woff2?)$/;
const BYTES_MAX = 2_000_000;

export function projectTree(): Tree {
  const root = path.resolve(import.meta.dirname, '..', '..');
  const listed = execFileSync(
    'git',
    ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate'],
    { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
  );
  const texts: Record<string, string> = {};
  for (const file of listed.split('\0')) {
    const full = path.join(root, file);
    if (file === '' || BINARY.test(file) || !existsSync(full)) continue;
    const stat = statSync(full);
    if (stat.isFile() && stat.size <= BYTES_MAX) texts[file] = readFileSync(full, 'utf8');
  }
  return treeOf(texts);
}

/** A tree from texts by path: how the rules are shown what they must catch. */
export function treeOf(texts: Readonly<Record<string, string>>): Tree {
  const files = Object.entries(texts).map(([file, text]) => sourceFile(file, text));
  const manifests = files
    .filter(({ path: file }) => path.posix.basename(file) === 'package.json')
    .map(manifestOf);
  return { files, byPath: new Map(files.map((file) => [file.path, file])), manifests };
}

function sourceFile(file: string, text: string): SourceFile {
  const isCode = CODE.test(file);
  return {
    path: file,
    text,
    code: isCode ? maskSource(text) : '',
    isCode,
    isSpec: /\.(?:spec|properties|fixture)\.(?:ts|mjs)$/.test(file),
    folder: /^(?:libs|services|apps)\/[^/]+/.exec(file)?.[0] ?? '',
  };
}

function manifestOf({ path: file, text }: SourceFile): Manifest {
  const json: unknown = JSON.parse(text);
  const folder = path.posix.dirname(file) === '.' ? '' : path.posix.dirname(file);
  return { path: file, folder, name: stringField(json, 'name'), json };
}

export function field(json: unknown, name: string): unknown {
  return typeof json === 'object' && json !== null ? Reflect.get(json, name) : undefined;
}

function stringField(json: unknown, name: string): string {
  const value = field(json, name);
  return typeof value === 'string' ? value : '';
}

export function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}
