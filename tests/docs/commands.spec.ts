/** Commands that the documents tell people to type exist: scripts of the clone, verbs of `waybill` and their options. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { codeLinesOf } from './markdown-page.ts';

const root = path.resolve(import.meta.dirname, '..', '..');
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const documents = ['README.md', 'CONTRIBUTING.md', 'ARCHITECTURE.md', 'docs/errors.md'] as const;
const lines = documents.flatMap((file) => codeLinesOf(read(file)));

const scriptsIn = (texts: readonly string[]): readonly string[] => [
  ...new Set(
    texts.flatMap((text) =>
      [...text.matchAll(/\bnpm (?:run ([\w:-]+)|(start|test))\b/g)].map(
        (match) => match[1] ?? match[2] ?? '',
      ),
    ),
  ),
];

/** Up to the comment behind it, in words; `waybill` at the beginning counts only where it is a command. */
const callsIn = (texts: readonly string[]): readonly (readonly string[])[] =>
  texts.flatMap((text) =>
    [...text.matchAll(/^(?:\s*|.*\b)npx waybill ([^#&|]+)|^waybill ([a-z][^#&|]*)$/g)].map(
      (match) => (match[1] ?? match[2] ?? '').trim().split(/\s+/),
    ),
  );

type Help = Readonly<{ verbs: readonly string[]; options: readonly string[] }>;

/** `waybill` as a person calls it: its own help says what there is. */
const helpOf = (() => {
  const asked = new Map<string, Promise<Help>>();
  const ask = async (verbs: readonly string[]): Promise<Help> => {
    const bin = path.join(root, 'apps', 'cli', 'bin', 'waybill.mjs');
    const { stdout } = await promisify(execFile)(process.execPath, [bin, ...verbs, '--help']);
    const [options = '', commands = ''] = stdout.split(/^Commands:$/m);
    return {
      verbs: [...commands.matchAll(/^ {2}([a-z][\w-]*)/gm)].map((match) => match[1] ?? ''),
      options: [...options.matchAll(/^ {2}(?:(-\w), )?(--[\w-]+)/gm)].flatMap((match) =>
        [match[1], match[2]].filter((each) => each !== undefined),
      ),
    };
  };
  return (verbs: readonly string[]): Promise<Help> => {
    const key = verbs.join(' ');
    const help = asked.get(key) ?? ask(verbs);
    asked.set(key, help);
    return help;
  };
})();

/** What is wrong with a call: a verb, or an option, that its help does not have. */
async function mistakeIn(words: readonly string[]): Promise<string | undefined> {
  const call = `waybill ${words.join(' ')}`;
  const verbs: string[] = [];
  let help = await helpOf(verbs);
  for (const word of words) {
    const known = help.verbs;
    if (known.length === 0 || /^[-…<]/.test(word)) break;
    // `runs ls|get`, as in a line that names several.
    const wanted = word.split('|');
    if (wanted.some((each) => !known.includes(each))) return `${call}: no ${word}`;
    verbs.push(wanted[0] ?? '');
    help = await helpOf(verbs);
  }
  const unknown = words.find((word) => /^--?[a-z]/.test(word) && !help.options.includes(word));
  return unknown === undefined ? undefined : `${call}: no ${unknown}`;
}

describe('the documents', () => {
  it('name scripts of package.json only', () => {
    const { scripts } = z
      .object({ scripts: z.record(z.string(), z.string()) })
      .parse(JSON.parse(read('package.json')));
    const named = scriptsIn(lines);
    expect(named.length).toBeGreaterThan(4);
    expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
  });

  it('name verbs and options that waybill has', async () => {
    const calls = callsIn(lines);
    expect(calls.length).toBeGreaterThan(6);
    const found = await Promise.all(calls.map(mistakeIn));
    expect(found.filter((mistake) => mistake !== undefined)).toEqual([]);
  }, 30_000);
});

it('a command that does not exist is noticed', async () => {
  expect(scriptsIn(['npm run no-such -- x', 'first npm test'])).toEqual(['no-such', 'test']);
  expect(callsIn(['  npx waybill runs lost --json  # why', 'waybill up', 'Waybill is up'])).toEqual(
    [['runs', 'lost', '--json'], ['up']],
  );
  expect(await mistakeIn(['runs', 'lost'])).toBe('waybill runs lost: no lost');
  expect(await mistakeIn(['runs', 'ls', '--jsno'])).toBe('waybill runs ls --jsno: no --jsno');
  expect(await mistakeIn(['runs', 'ls', '--json'])).toBeUndefined();
}, 30_000);
