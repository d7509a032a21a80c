import { createHmac } from 'node:crypto';
import { expect, it } from 'vitest';
import { hookSource } from '../domain/delivery.ts';
import { signatureProblem } from './signature.ts';

const body = new TextEncoder().encode('Hello, World!');
const hmac = (secret: string) => createHmac('sha256', secret).update(body).digest('hex');

function check(
  headers: Readonly<Record<string, string>>,
  secrets: readonly string[] = ["It's a Secret to Everybody"],
  name = 'github',
) {
  const source = hookSource(name);
  if (source === undefined) throw new Error('no such source');
  return signatureProblem({ source, header: (header) => headers[header], body }, secrets)?.code;
}

it("agrees with GitHub's own example", () => {
  const published = 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17';
  expect(check({ 'x-hub-signature-256': published })).toBeUndefined();
  expect(
    check({ 'x-hub-signature-256': published.toUpperCase().replace('SHA256', 'sha256') }),
  ).toBeUndefined();
});

it('any active secret is right, and none but those', () => {
  expect(check({ 'x-hub-signature-256': `sha256=${hmac('old')}` }, ['new', 'old'])).toBeUndefined();
  expect(check({ 'x-hub-signature-256': `sha256=${hmac('')}` }, ['new', 'old'])).toBe(
    'signature-invalid',
  );
  expect(check({ 'x-hub-signature-256': `sha256=${hmac('x')}` }, [])).toBe('signature-invalid');
});

it('the generic source has its own header, which comes first', () => {
  const right = `sha256=${hmac('s')}`;
  expect(
    check({ 'x-waybill-signature-256': right, 'x-hub-signature-256': 'sha256=0' }, ['s'], 'hmac'),
  ).toBeUndefined();
  expect(check({ 'x-hub-signature-256': right }, ['s'], 'hmac')).toBeUndefined();
  expect(check({ 'x-waybill-signature-256': right }, ['s'])).toBe('signature-missing');
});

it('what is no signature is told apart from a wrong one', () => {
  expect(check({})).toBe('signature-missing');
  expect(check({ 'x-hub-signature': 'sha1=0' })).toBe('signature-sha1');
  for (const value of [
    '',
    'sha256=',
    `sha1=${hmac('s')}`,
    hmac('s'),
    `sha256=${hmac('s')}0`,
    `sha256=${hmac('s')}, sha256=${hmac('s')}`,
  ])
    expect(check({ 'x-hub-signature-256': value }, ['s']), value).toBe('signature-invalid');
});
