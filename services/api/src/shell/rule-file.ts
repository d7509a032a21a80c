/**
 * A rule file, YAML or JSON, to a rule, or every mistake in it with line and column: of the syntax, of the schema, unknown
 * keys, and jobs that need each other. Nothing of the file's values is repeated in a message.
 */
import { Rule } from '@waybill/protocol';
import {
  type Document,
  isMap,
  isNode,
  LineCounter,
  parseDocument,
  visit,
  type YAMLError,
} from 'yaml';
import { jobMistakes, type Path, type Placed, pathText, placedOf } from '../domain/mistake.ts';
import type { Mistake } from '../domain/problems.ts';

type Spot = Readonly<{ line: number; column: number }>;
export type RuleFile =
  | Readonly<{ kind: 'rule'; rule: Rule; nameAt: Spot }>
  | Readonly<{ kind: 'mistakes'; mistakes: readonly Mistake[] }>;

/** Enough for any rule, and far from what a file made of aliases would unfold to. */
const unfolding = { maxAliasCount: 100 } as const;

export function readRuleFile(text: string): RuleFile {
  const lines = new LineCounter();
  const at = (offset: number): Spot => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  try {
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, strict: true });
    const syntax = [...document.errors, ...document.warnings];
    const mistaken = [
      ...syntax.map((one) => syntaxMistake(one, at)),
      ...looseAliases(document, at),
    ];
    if (mistaken.length > 0) return { kind: 'mistakes', mistakes: mistaken };
    const read = Rule.safeParse(document.toJS(unfolding));
    if (read.success)
      return { kind: 'rule', rule: read.data, nameAt: at(offsetOf(document, namePlace)) };
    const placed = schemaMistakes(document, placedOf(read.error.issues));
    const mistakes = placed.map((one) => ({
      ...at(offsetOf(document, one)),
      path: pathText(one.path),
      message: one.message,
    }));
    return {
      kind: 'mistakes',
      mistakes: mistakes.toSorted((a, b) => a.line - b.line || a.column - b.column),
    };
  } catch (error) {
    // A stack that is too small for the nesting, or more aliases than allowed.
    const message =
      error instanceof RangeError
        ? 'is nested too deeply'
        : 'cannot be read: too many aliases, or a key that is no text';
    return { kind: 'mistakes', mistakes: [{ line: 1, column: 1, path: '', message }] };
  }
}

const namePlace: Placed = { path: ['metadata', 'name'], message: '', unknownKey: false };

const syntaxMistake = (problem: YAMLError, at: (offset: number) => Spot): Mistake => ({
  ...at(problem.pos[0]),
  path: '',
  message: problem.message.split('\n')[0] ?? '',
});

/** Aliases of what was not written before them. */
function looseAliases(document: Document, at: (offset: number) => Spot): readonly Mistake[] {
  const anchors = new Set<string>();
  const mistakes: Mistake[] = [];
  visit(document, {
    Node: (_key, node) => {
      if ('anchor' in node && node.anchor !== undefined) anchors.add(node.anchor);
    },
    Alias: (_key, { source, range }) => {
      if (!anchors.has(source))
        mistakes.push({
          ...at(range?.[0] ?? 0),
          path: '',
          message: 'there is no such anchor before',
        });
    },
  });
  return mistakes;
}

function schemaMistakes(document: Document, known: readonly Placed[]): readonly Placed[] {
  const jobs: unknown = document.getIn(['spec', 'jobs']);
  const list: unknown = isNode(jobs) ? jobs.toJS(document, unfolding) : jobs;
  return [...known, ...jobMistakes(list, ['spec', 'jobs'], known)];
}

/** Where a mistake stands; of something that is missing, where the thing begins that lacks it. */
function offsetOf(document: Document, { path, unknownKey }: Placed): number {
  if (unknownKey) {
    const key = keyOffset(document, path);
    if (key !== undefined) return key;
  }
  for (let length = path.length; length >= 0; length--) {
    const node = nodeAt(document, path.slice(0, length));
    const start = isNode(node) ? node.range?.[0] : undefined;
    // A value that is missing stands where its key does; a block begins at its first key.
    if (start !== undefined) return start;
  }
  return 0;
}

function nodeAt(document: Document, path: Path): unknown {
  return path.length === 0 ? document.contents : document.getIn(path, true);
}

function keyOffset(document: Document, path: Path): number | undefined {
  const parent = nodeAt(document, path.slice(0, -1));
  if (!isMap(parent)) return undefined;
  const pair = parent.items.find(
    ({ key }) => String(isNode(key) ? key.toJSON() : key) === String(path.at(-1)),
  );
  return isNode(pair?.key) ? pair.key.range?.[0] : undefined;
}
