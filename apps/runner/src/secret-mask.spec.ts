import { describe, expect, it } from 'vitest';
import { secretMask, secretsOf } from './secret-mask.ts';

const secret = 's3cr3t-pässword/+';
const { hide } = secretMask([secret]);

describe('a secret in the output of a step', () => {
  it('is hidden wherever it stands', () => {
    expect(hide(`a ${secret} b${secret}`)).toBe('a *** b***');
  });

  it('is hidden in Base64, alone and inside something longer', () => {
    for (const text of [secret, `${secret}\n`, `user:${secret}`, `x${secret}y`, `ab${secret}`]) {
      const encoded = Buffer.from(text).toString('base64');
      const shown = hide(encoded);
      expect(shown).toContain('***');
      expect(shown.length).toBeLessThan(encoded.length / 2);
    }
    expect(hide(Buffer.from(`ab${secret}`).toString('base64url'))).toContain('***');
  });

  it('is hidden in JSON and in URLs', () => {
    const odd = secretMask(['a"b\\c d&e']);
    expect(odd.hide(JSON.stringify({ x: 'a"b\\c d&e' }))).toBe('{"x":"***"}');
    expect(odd.hide(`?x=${encodeURIComponent('a"b\\c d&e')}`)).toBe('?x=***');
  });

  it('of several lines is hidden line by line', () => {
    const key = '-----BEGIN KEY-----\nMIIEvQIBADANBgkq\r\nhkiG9w0BAQEFAASC\n-----END KEY-----';
    const mask = secretMask([key]);
    expect(mask.hide('MIIEvQIBADANBgkq')).toBe('***');
    expect(mask.hide('  hkiG9w0BAQEFAASC')).toBe('  ***');
  });

  it('that is long is hidden where base64 breaks its lines', () => {
    const long = 'abcdefghij'.repeat(30);
    const mask = secretMask([long]);
    const lines =
      Buffer.from(`${long}\n`)
        .toString('base64')
        .match(/.{1,76}/g) ?? [];
    expect(lines.length).toBeGreaterThan(4);
    expect(lines.map(mask.hide).every((line) => line === '***')).toBe(true);
  });

  it('that is contained in another one leaves nothing of the other', () => {
    expect(secretMask(['abc', 'abcdef']).hide('abcdef')).toBe('***');
  });

  it('with characters of a pattern is taken as it stands', () => {
    expect(secretMask(['a.*b$']).hide('a.*b$ axxb$')).toBe('*** axxb$');
  });

  it('is never cut in two', () => {
    const mask = secretMask(['abcdef']);
    expect(mask.cut('xxabcdefxx', 5)).toBe(2);
    expect(mask.cut('xxabcdefxx', 8)).toBe(8);
    expect(mask.charsMax).toBeGreaterThanOrEqual(6);
  });
});

it('no secrets leave everything as it is', () => {
  expect(secretMask(['', 'ab']).hide('ab c')).toBe('ab c');
});

it('every secret field of a dispatch is found', () => {
  const found = secretsOf({
    type: 'job.dispatch',
    messageId: 'm',
    runId: 'r',
    jobId: 'j',
    repoUrl: '',
    ref: '',
    sha: '',
    lockFileUrl: '',
    jobConfig: {},
    timestamp: 1,
    token: 'secret-1',
    secrets: { A: 'secret-2' },
    namespacedSecrets: { prod: { B: 'secret-3' } },
    sourceAuth: { kind: 'basic', user: 'me', secret: 'secret-1' },
    workflowAuth: { kind: 'ssh', secret: 'secret-4' },
    npmRegistries: [{ url: 'https://npm.example.net', alwaysAuth: true, token: 'secret-5' }],
    installEnvSecrets: { C: 'secret-6' },
    sourceTarUrl: 'https://x.example/secret-7',
  });
  expect([...found].map((value) => value.slice(-1)).sort()).toEqual([
    '1',
    '2',
    '3',
    '4',
    '5',
    '6',
    '7',
  ]);
  expect(found.has('me')).toBe(false);
});
