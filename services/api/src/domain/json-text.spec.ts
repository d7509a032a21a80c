import { describe, expect, it } from 'vitest';
import { readJson, readJsonText } from './json-text.ts';

const refused = (text: string, depthMax = 64) => {
  const read = readJsonText(text, depthMax);
  return 'kind' in read ? 'taken' : `${read.code} ${read.line}:${read.column}`;
};

describe('strict JSON', () => {
  it.each([
    ['', 'json-malformed 1:1'],
    [' \n ', 'json-malformed 2:2'],
    ['{', 'json-malformed 1:2'],
    ['{"a"}', 'json-malformed 1:5'],
    ['{"a":}', 'json-malformed 1:6'],
    ['{"a":1,}', 'json-malformed 1:8'],
    ['{a:1}', 'json-malformed 1:2'],
    ["{'a':1}", 'json-malformed 1:2'],
    ['[1,]', 'json-malformed 1:4'],
    ['[1 2]', 'json-malformed 1:4'],
    ['[1', 'json-malformed 1:3'],
    ['"abc', 'json-malformed 1:1'],
    ['"a\nb"', 'json-malformed 1:3'],
    ['"\\x"', 'json-malformed 1:2'],
    ['"\\u12g4"', 'json-malformed 1:2'],
    ['01', 'json-malformed 1:2'],
    ['-', 'json-malformed 1:1'],
    ['1.', 'json-malformed 1:2'],
    ['+1', 'json-malformed 1:1'],
    ['NaN', 'json-malformed 1:1'],
    ['nul', 'json-malformed 1:1'],
    ['true false', 'json-malformed 1:6'],
    ['{"a":1}\n}', 'json-malformed 2:1'],
    ['{"a":1,"b":{"c":1,"c":2}}', 'json-duplicate-key 1:19'],
    ['{"a":1,"\\u0061":2}', 'json-duplicate-key 1:8'],
  ])('%j is refused at its place: %s', (text, expected) => {
    expect(refused(text)).toBe(expected);
  });

  it.each([
    'null',
    '-0',
    '1e5',
    '-1.5E-3',
    '""',
    '"\\u00e4\\n\\/"',
    '[]',
    ' { } ',
    '[[],{"a":[{}]}]',
    '{"a":{"a":1},"b":{"a":2}}',
    '\r\n\t1 ',
    '"\ud800"',
  ])('%j is taken', (text) => {
    const read = readJsonText(text, 64);
    expect('kind' in read ? read.value : read).toEqual(JSON.parse(text));
  });

  it('nests to the limit and no deeper, lists and objects alike', () => {
    expect(refused('[[[]]]', 3)).toBe('taken');
    expect(refused('[[[[]]]]', 3)).toBe('json-too-deep 1:4');
    expect(refused('{"a":{"b":[{}]}}', 3)).toBe('json-too-deep 1:12');
    expect(refused('['.repeat(1_000_000), 64)).toBe('json-too-deep 1:65');
  });

  it('is UTF-8, a mark before it aside', () => {
    expect(readJson(new Uint8Array([0x22, 0xff, 0x22]), 64)).toMatchObject({
      code: 'json-malformed',
      message: 'the body is not UTF-8',
    });
    expect(readJson(new Uint8Array([0xef, 0xbb, 0xbf, 0x31]), 64)).toMatchObject({ value: 1 });
  });

  it('knows where the outermost members stand', () => {
    const read = readJsonText(' {"a" : [1, 2] , "b":"x","c":{"a":3}}', 64);
    if (!('kind' in read)) throw new Error('refused');
    expect(
      [...read.members].map(([key, { start, end }]) => [key, read.text.slice(start, end)]),
    ).toEqual([
      ['a', '[1, 2]'],
      ['b', '"x"'],
      ['c', '{"a":3}'],
    ]);
  });

  it('keeps __proto__ as a member', () => {
    const read = readJsonText('{"__proto__":{"x":1}}', 64);
    expect('kind' in read ? JSON.stringify(read.value) : read).toBe('{"__proto__":{"x":1}}');
  });
});
