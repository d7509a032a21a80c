import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { typeOf, wireMessages } from '../src/wire/direction.ts';
import { type ProvenRow, provenRows } from './coverage-sections.ts';
import { root } from './generate.ts';
import { coverage } from './proofs/every.ts';
import type { Proof } from './proofs/proof.ts';

const schemas = [...new Set(Object.values(wireMessages).flat())];
const texts = new Map<string, string>();

function textOf(file: string): string {
  const known = texts.get(file);
  if (known !== undefined) return known;
  const text = existsSync(join(root, file)) ? readFileSync(join(root, file), 'utf8') : '';
  texts.set(file, text);
  return text;
}

const mentions = (text: string, word: string): boolean =>
  new RegExp(`(?<![\\w.])${word.replaceAll('.', '\\.')}(?![\\w])`).test(text);

/** What a test has to have in it to be the proof of a field. */
function doubts(proof: Proof, words: readonly string[]): readonly string[] {
  const { file, test: name, walks } = proof;
  const text = textOf(file);
  if (text === '') return [`${file} is not there`];
  if (!text.includes(`'${name}'`)) return [`${file} has no test '${name}'`];
  if (walks) return text.includes('.shape)') ? [] : [`${file} does not walk the schemas`];
  return words
    .filter((word) => !mentions(text, word))
    .map((word) => `${file} does not mention ${word}`);
}

const doubtsOf = ({
  message,
  field,
  handledIn,
  provenBy,
  runner,
}: ProvenRow): readonly string[] => {
  const [outer = ''] = field.split(/\.(?!ai\b)/);
  const name = field.startsWith('gen_ai.') ? field : outer;
  return [
    ...(textOf(handledIn) === '' ? [`${handledIn} is not there`] : []),
    ...provenBy.flatMap((proof) => doubts(proof, [message, name])),
    // Its frames are made by fixtures, which name their type.
    ...(runner ? doubts(runner, [name]) : []),
  ].map((doubt) => `${message} ${field}: ${doubt}`);
};

describe('docs/protocol-coverage.md', () => {
  test('has a row for every message and field, and none for what is not there', () => {
    const types = schemas.map(typeOf);
    expect(Object.keys(coverage).toSorted()).toEqual([...new Set(types)].toSorted());
    for (const schema of schemas) expect(() => provenRows(schema)).not.toThrow();
  });

  test('names sources and tests that are there and are about the field', () => {
    const all = schemas.flatMap((schema) => provenRows(schema)).flatMap(doubtsOf);
    expect(all).toEqual([]);
  });

  test('is not made without a row', () => {
    const [schema] = schemas;
    if (schema === undefined) throw new Error('there are no messages');
    expect(() => provenRows(schema, {})).toThrow('nobody proves the message');
    const proof = coverage[typeOf(schema)];
    if (proof === undefined) throw new Error('it has no proof');
    expect(() => provenRows(schema, { [typeOf(schema)]: { ...proof, fields: {} } })).toThrow(
      'nobody proves',
    );
    const more = { ...proof, fields: { ...proof.fields, made_up: 'It is nothing.' } };
    expect(() => provenRows(schema, { [typeOf(schema)]: more })).toThrow('has no field made_up');
  });

  test('doubts a test that is gone, or about something else', () => {
    const [schema] = schemas;
    const [row] = schema === undefined ? [] : provenRows(schema);
    if (row === undefined) throw new Error('there is no row');
    const [proof] = row.provenBy;
    if (proof === undefined) throw new Error('it has no proof');
    expect(doubtsOf({ ...row, provenBy: [{ ...proof, test: 'gone' }] })).not.toEqual([]);
    expect(doubtsOf({ ...row, provenBy: [{ ...proof, file: 'tests/gone.ts' }] })).not.toEqual([]);
    expect(doubtsOf({ ...row, provenBy: [proof], field: 'made_up' })).not.toEqual([]);
  });
});
