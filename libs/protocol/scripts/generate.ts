/**
 * Writes what the schemas say into committed files: docs/protocol.md, docs/protocol-coverage.md, docs/events.md, docs/run-lifecycle.md and the JSON Schemas. Every
 * page is a list of sections and every section a function, so that a new part of the protocol adds
 * its sections here. A spec keeps the committed files current.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { typeOf, wireMessages } from '../src/wire/direction.ts';
import { directionJsonSchema, messageJsonSchema } from '../src/wire/json-schema.ts';
import { coverageSections } from './coverage-sections.ts';
import { eventSections } from './event-sections.ts';
import { lifecycleSections } from './lifecycle-sections.ts';
import { logSections } from './log-sections.ts';
import { page, type Section } from './markdown.ts';
import { printJson } from './print-json.ts';
import { stateSections } from './state-sections.ts';
import { wireSections } from './wire-sections.ts';

export const root = join(import.meta.dirname, '..', '..', '..');
export const schemaFolder = 'libs/protocol/schemas';

const pages: Readonly<Record<string, readonly Section[]>> = {
  'docs/protocol.md': wireSections,
  'docs/protocol-coverage.md': coverageSections,
  'docs/events.md': [...logSections, ...eventSections, ...stateSections],
  'docs/run-lifecycle.md': lifecycleSections,
};

/** Every generated file: its path from the root of the repository, and its content. */
export function generated(): ReadonlyMap<string, string> {
  return new Map([
    ...Object.entries(pages).map(([path, sections]) => [path, page(sections)] as const),
    ...schemas(),
  ]);
}

function schemas(): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  const add = (name: string, schema: unknown): void => {
    files.set(`${schemaFolder}/${name}.schema.json`, printJson(schema));
  };
  for (const direction of ['agent', 'orchestrator', 'upstream'] as const) {
    add(`${direction}-message`, directionJsonSchema(direction));
    for (const schema of wireMessages[direction]) add(typeOf(schema), messageJsonSchema(schema));
  }
  return files;
}

function write(): void {
  const files = generated();
  mkdirSync(join(root, schemaFolder), { recursive: true });
  for (const name of readdirSync(join(root, schemaFolder))) {
    if (!files.has(`${schemaFolder}/${name}`)) rmSync(join(root, schemaFolder, name));
  }
  for (const [path, content] of files) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  process.stdout.write(`${files.size} files are current\n`);
}

if (import.meta.main) write();
