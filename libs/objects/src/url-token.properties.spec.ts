import { createKeyRing, digest, type KeyRing, sealingRing } from '@waybill/process';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Claims, urlSigner } from './url-token.ts';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \0é'.split(
  '',
);
const claims: fc.Arbitrary<Claims> = fc.record(
  {
    m: fc.constantFrom('PUT' as const, 'GET' as const),
    k: fc.string({ minLength: 1, maxLength: 200 }),
    o: fc.stringMatching(/^[a-z0-9_-]{1,63}$/),
    x: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
    n: fc.stringMatching(/^[A-Za-z0-9_-]{16,64}$/),
    b: fc.nat(),
    f: fc.string({ maxLength: 255 }),
    t: fc.string({ maxLength: 255 }),
  },
  { requiredKeys: ['m', 'k', 'o', 'x', 'n'] },
);

describe('the token of a signed URL', () => {
  let ring: KeyRing;
  beforeAll(async () => {
    ring = await createKeyRing();
  });

  it('says what was signed, to everybody who has the ring', () => {
    fc.assert(
      fc.property(claims, (signed) => {
        const token = urlSigner(ring).sign(signed);
        expect(token).toMatch(/^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}$/);
        expect(urlSigner(sealingRing(ring)).verify(token)).toEqual(signed);
      }),
    );
  });

  it('is none with any character changed, added, taken away or moved', () => {
    fc.assert(
      fc.property(claims, fc.nat(), fc.constantFrom(...alphabet), (signed, place, other) => {
        const signer = urlSigner(ring);
        const token = signer.sign(signed);
        const at = place % token.length;
        const changed = [
          token.slice(0, at) + token.slice(at + 1),
          token.slice(0, at) + other + token.slice(at),
          ...(token[at] === other ? [] : [token.slice(0, at) + other + token.slice(at + 1)]),
          `${token}${other}`,
          `${token}.${token}`,
        ].filter((text) => text !== token);
        for (const text of changed) expect(signer.verify(text)).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });

  it('is none with any one byte changed, each of them once', () => {
    const signer = urlSigner(ring);
    const token = signer.sign({ m: 'PUT', k: 'a/b', o: 'main', x: 1, n: 'n'.repeat(22), b: 5 });
    for (let at = 0; at < token.length; at++) {
      for (const other of alphabet) {
        if (token[at] === other) continue;
        expect(signer.verify(token.slice(0, at) + other + token.slice(at + 1))).toBeUndefined();
      }
    }
  });

  it('is none for another key ring, nor is anything else', async () => {
    const other = urlSigner(await createKeyRing());
    fc.assert(
      fc.property(claims, (signed) => {
        expect(other.verify(urlSigner(ring).sign(signed))).toBeUndefined();
      }),
    );
    fc.assert(
      fc.property(fc.string({ maxLength: 6_000 }), (text) => {
        expect(urlSigner(ring).verify(text)).toBeUndefined();
      }),
    );
    expect(urlSigner(ring).verify('')).toBeUndefined();
    expect(urlSigner(ring).verify('.')).toBeUndefined();
  });

  it('cannot be made from the digests that are stored of what strangers send', () => {
    const payload = Buffer.from('{"m":"GET"}').toString('base64url');
    const stored = Buffer.from(digest(ring, payload), 'hex').toString('base64url');
    expect(urlSigner(ring).verify(`${payload}.${stored}`)).toBeUndefined();
  });
});
