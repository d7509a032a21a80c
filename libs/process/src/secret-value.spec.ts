import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { maskSecrets, registerSecretValue, registerSecretValues } from './secret-value.ts';

test('the token of a signed URL is masked, wherever the URL stands', () => {
  const token = 'eyJtIjoiUFVUIn0.c2lnbmF0dXJlX29mX3RoZV90b2tlbi0';
  const text = `PUT http://localhost:7070/v1/objects/${token} "/v1/objects/${token}"`;
  expect(maskSecrets(text)).toBe(
    'PUT http://localhost:7070/v1/objects/[redacted] "/v1/objects/[redacted]"',
  );
});

describe('a registered value', () => {
  test('is masked wherever it stands, as often as it stands there', () => {
    registerSecretValue('correct-horse-battery');
    expect(
      maskSecrets('a correct-horse-battery, b=correct-horse-batterycorrect-horse-battery'),
    ).toBe('a [redacted], b=[redacted][redacted]');
  });

  test('is masked as escaped in JSON, in a URL and in Base64', () => {
    const value = 'qu"ote\nand/slash ünd';
    registerSecretValue(value);
    const texts = [
      JSON.stringify({ value }),
      encodeURIComponent(value),
      Buffer.from(value).toString('base64'),
    ];
    expect(texts.map(maskSecrets)).toEqual(['{"value":"[redacted]"}', '[redacted]', '[redacted]']);
  });

  test('is masked line by line when it has several', () => {
    registerSecretValue('line-one-of-a-key-0001\nline-two-of-a-key-0002\n');
    expect(maskSecrets('> line-two-of-a-key-0002')).toBe('> [redacted]');
  });

  test('is masked whole though another one is its beginning', () => {
    registerSecretValue('prefix-of-both');
    registerSecretValue('prefix-of-both-and-more');
    expect(maskSecrets('x prefix-of-both-and-more y prefix-of-both z')).toBe(
      'x [redacted] y [redacted] z',
    );
  });

  test('is left alone when it is shorter than 8 characters', () => {
    registerSecretValue('short12');
    expect(maskSecrets('short12')).toBe('short12');
  });

  test('may be deep inside a JSON value', () => {
    registerSecretValues({ a: [{ b: 'nested-secret-value' }], n: 1, x: null });
    expect(maskSecrets('nested-secret-value')).toBe('[redacted]');
  });

  test('never survives, in any text around it', () => {
    const value = 'property-secret-value';
    registerSecretValue(value);
    fc.assert(
      fc.property(
        fc.string(),
        fc.string(),
        (before, after) => !maskSecrets(before + value + after).includes(value),
      ),
    );
  });

  test('is forgotten when 4096 younger ones came, unless it is to be kept', () => {
    registerSecretValue('kept-for-ever-and-ever', { keep: true });
    registerSecretValue('old-enough-to-forget');
    for (let index = 0; index < 5_000; index++)
      registerSecretValue(`young-value-number-${index}-end`);
    expect(maskSecrets('kept-for-ever-and-ever')).toBe('[redacted]');
    expect(maskSecrets('old-enough-to-forget')).toBe('old-enough-to-forget');
    expect(maskSecrets('young-value-number-4999-end young-value-number-0-end')).toBe(
      '[redacted] young-value-number-0-end',
    );
  });
});

test.each([
  ['postgres://waybill:pa@ss@db:5432/x', 'postgres://[redacted]@db:5432/x'],
  ['connect nats://t0ken@host:4222 failed', 'connect nats://[redacted]@host:4222 failed'],
  ['https://s3/o?X-Amz-Signature=abc&part=1', 'https://s3/o?X-Amz-Signature=[redacted]&part=1'],
  ['Authorization: Bearer abcdefghijklmnopqrstuvwxyz', 'Authorization: Bearer [redacted]'],
  [
    'a\n-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\nb',
    'a\n[redacted]\nb',
  ],
  [
    'basic authentication failed at https://host/a@b',
    'basic authentication failed at https://host/a@b',
  ],
])('by its look: %s', (text, masked) => {
  expect(maskSecrets(text)).toBe(masked);
});

test('masking stays quick on long hostile text', () => {
  const began = performance.now();
  maskSecrets(`${'a.'.repeat(100_000)}://=PRIVATE KEY${'-----BEGIN PRIVATE KEY-----'.repeat(10)}`);
  maskSecrets('://'.repeat(50_000));
  expect(performance.now() - began).toBeLessThan(2_000);
});
