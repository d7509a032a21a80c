import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isSecretKey, redact } from './redaction.ts';

test.each([
  'token',
  'agentToken',
  'NATS_TOKEN',
  'secret',
  'secrets',
  'namespacedSecrets',
  'installEnvSecrets',
  'password',
  'Authorization',
  'privateKey',
  'private_key',
  'x-api-key',
  'set-cookie',
  'NATS_NKEY',
  'secretOutputs',
  '$sealed',
])('the member %s is redacted', (key) => {
  expect(isSecretKey(key)).toBe(true);
  expect(redact([{ deep: { [key]: { any: 'thing' } } }])).toEqual([
    { deep: { [key]: '[redacted]' } },
  ]);
});

test.each([
  'tokens',
  'inputTokens',
  'secretsAccessed',
  'runPublicKey',
  'key',
  'tokenPrefix',
  'cacheKey',
])('the member %s is shown', (key) => {
  expect(redact({ [key]: 'x' })).toEqual({ [key]: 'x' });
});

describe('redact', () => {
  test('says whether a secret is there', () => {
    expect(redact({ token: undefined, secret: null, password: true })).toEqual({
      token: undefined,
      secret: null,
      password: true,
    });
  });

  test('takes the query from presigned URLs', () => {
    expect(
      redact({ uploadUrl: 'https://s3/o?sig=1', depsUrl: '', url: new URL('http://h/p?a=b') }),
    ).toEqual({
      uploadUrl: 'https://s3/o?[redacted]',
      depsUrl: '',
      url: 'http://h/p?[redacted]',
    });
  });

  test('shows things that are no data by their kind', () => {
    expect(
      redact({
        buffer: Buffer.from('abc'),
        map: new Map([['token', 'x']]),
        run: () => 1,
        big: 12n,
        when: new Date(0),
      }),
    ).toEqual({
      buffer: '[3 bytes]',
      map: '[Map]',
      run: '[function]',
      big: '12',
      when: '1970-01-01T00:00:00.000Z',
    });
  });

  test('is bounded in depth, width, length and in all', () => {
    const cyclic: Record<string, unknown> = {};
    for (let index = 0; index < 50; index++) cyclic[`m${index}`] = cyclic;
    const text = JSON.stringify(
      redact({
        wide: Array.from({ length: 1_000 }, (_, index) => index),
        long: 'x'.repeat(100_000),
        cyclic,
      }),
    );
    expect(text.length).toBeLessThan(200_000);
    expect(text).toContain('[900 more]');
    expect(text).toContain('…[100000 characters]');
  });

  test('leaves a member called __proto__ a member', () => {
    const copy: unknown = redact(JSON.parse('{"__proto__":{"admin":true}}'));
    expect(JSON.stringify(copy)).toBe('{"__proto__":{"admin":true}}');
    expect(copy).not.toHaveProperty('admin');
  });

  test('never throws and always serialises, whatever it is given', () => {
    fc.assert(
      fc.property(
        fc.anything({
          withBigInt: true,
          withDate: true,
          withMap: true,
          withTypedArray: true,
          withNullPrototype: true,
        }),
        (value) => {
          JSON.stringify(redact({ value }));
        },
      ),
    );
  });
});
