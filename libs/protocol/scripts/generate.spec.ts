import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { wireSamples } from '../src/wire/samples.fixture.ts';
import { generated, root, schemaFolder } from './generate.ts';

const files = generated();

test.each([...files])('%s is current', (path, content) => {
  expect(readFileSync(join(root, path), 'utf8'), 'run `npm run generate`').toBe(content);
});

test('no JSON Schema lies about that is no longer generated', () => {
  const names = readdirSync(join(root, schemaFolder)).map((name) => `${schemaFolder}/${name}`);
  expect(names.toSorted()).toEqual(
    [...files.keys()].filter((path) => path.startsWith(schemaFolder)).toSorted(),
  );
});

test('every message has a JSON Schema of its own that its sample fits', () => {
  const ajv = new Ajv2020({ strict: false });
  for (const sample of Object.values(wireSamples)) {
    const schema: unknown = JSON.parse(
      files.get(`${schemaFolder}/${sample.type}.schema.json`) ?? '',
    );
    if (typeof schema !== 'object' || schema === null)
      throw new Error(`${sample.type} has no schema`);
    expect([sample.type, ajv.validate(schema, sample)]).toEqual([sample.type, true]);
    expect([sample.type, ajv.validate(schema, { ...sample, type: 'another' })]).toEqual([
      sample.type,
      false,
    ]);
  }
});

test('the page describes every field', () => {
  const page = files.get('docs/protocol.md') ?? '';
  const undescribed = page
    .split('\n')
    .filter((line) => /^\| `\w+` \|.*\| (yes|no) \|\s*\|$/.test(line));
  expect(undescribed).toEqual([]);
  for (const { type } of Object.values(wireSamples)) expect(page).toContain(`### ${type}\n`);
});
