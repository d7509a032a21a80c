/** Rules from files to the api: each document on its own, every mistake with file, line and column, none hiding another. */
import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { usageError } from './cli-error.ts';
import { answerAs } from './http/answer.ts';
import type { Client } from './http/client.ts';
import { mistakeText, ProblemError } from './http/problem.ts';
import { readInput } from './input-file.ts';
import { ruleDocuments } from './rule-document.ts';
import type { Terminal } from './terminal.ts';

const Applied = z.looseObject({ name: z.string(), generation: z.number(), unchanged: z.boolean() });
export type Applied = z.infer<typeof Applied>;

export type Outcome = Readonly<{ applied: readonly Applied[]; mistakes: readonly string[] }>;

/** Stands in the path for a name that could not be found; the api then says what is wrong with the document. */
const NAMELESS = 'unnamed';

export async function applyRules(
  client: Client,
  names: readonly string[],
  terminal: Terminal,
): Promise<Outcome> {
  const applied: Applied[] = [];
  const mistakes: string[] = [];
  for (const file of await ruleFiles(names, terminal)) {
    const documents = ruleDocuments(await readInput(file, terminal));
    if (documents.length === 0) mistakes.push(`${file}:1:1: there is no rule in it`);
    for (const { name, text } of documents) {
      try {
        const body = { type: 'application/yaml', content: text };
        const answer = await client.put(
          client.inOrg(`/rules/${encodeURIComponent(name ?? NAMELESS)}`),
          { body },
        );
        applied.push(answerAs(Applied, answer));
      } catch (error) {
        if (!(error instanceof ProblemError) || error.code !== 'rule-invalid') throw error;
        mistakes.push(...mistakesIn(file, name, error));
      }
    }
  }
  return { applied, mistakes };
}

function mistakesIn(
  file: string,
  name: string | undefined,
  { mistakes }: ProblemError,
): readonly string[] {
  return mistakes.map((mistake) => {
    const isOurs =
      name === undefined && mistake.path === 'metadata.name' && mistake.line === undefined;
    const said = isOurs
      ? { ...mistake, message: 'write it as a line of its own: "name: <name>" under "metadata:"' }
      : mistake;
    return mistake.line === undefined
      ? `${file}: ${mistakeText(said)}`
      : `${file}:${mistakeText(said)}`;
  });
}

/** Folders stand for the rule files in them. */
async function ruleFiles(names: readonly string[], terminal: Terminal): Promise<readonly string[]> {
  const files: string[] = [];
  for (const name of names) {
    const found =
      name === '-' ? undefined : await stat(resolve(terminal.cwd, name)).catch(() => undefined);
    if (found?.isDirectory() !== true) {
      files.push(name);
      continue;
    }
    const entries = (await readdir(resolve(terminal.cwd, name)))
      .filter((entry) => /\.(?:ya?ml|json)$/.test(entry))
      .toSorted();
    if (entries.length === 0) throw usageError(`${name} has no rule files (*.yaml, *.yml, *.json)`);
    files.push(...entries.map((entry) => join(name, entry)));
  }
  return files;
}
