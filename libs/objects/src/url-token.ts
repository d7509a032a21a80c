/**
 * Tokens of signed URLs: `base64url(claims).base64url(HMAC-SHA256)`. Nobody without the key ring can make one, and one that was
 * changed anywhere is none.
 */
import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import type { KeyRing } from '@waybill/process';
import { z } from 'zod';

const Claims = z
  .object({
    /** What it permits. */
    m: z.enum(['PUT', 'GET']),
    /** The key of the bytes. */
    k: z.string().min(1).max(512),
    /** Organisation. */
    o: z.string().min(1).max(64),
    /** Until when it works, Unix milliseconds; later than that it has expired. */
    x: z.int().nonnegative(),
    /** Nonce: used once. */
    n: z.string().regex(/^[A-Za-z0-9_-]{16,64}$/),
    /** So many bytes at most may be put. */
    b: z.int().nonnegative().exactOptional(),
    /** Name and media type of what is got. */
    f: z.string().max(255).exactOptional(),
    t: z.string().max(255).exactOptional(),
  })
  .readonly();
export type Claims = z.infer<typeof Claims>;

export type UrlSigner = Readonly<{
  sign(claims: Claims): string;
  /** Undefined for whatever this key ring has not signed. */
  verify(token: string): Claims | undefined;
}>;

/** Longer than any that was signed. */
const tokenCharsMax = 4_096;

export function urlSigner(ring: KeyRing): UrlSigner {
  // Derived by HKDF and not by the ring's plain HMAC: digests of what strangers send are stored, and must not meet this key.
  const key = Buffer.from(
    hkdfSync('sha256', ring.digestKey, 'waybill', 'waybill object url v1', 32),
  );
  const macOf = (payload: string): string =>
    createHmac('sha256', key).update(payload).digest('base64url');
  return {
    sign: (claims) => {
      const payload = Buffer.from(JSON.stringify(claims)).toString('base64url');
      return `${payload}.${macOf(payload)}`;
    },
    verify: (token) => {
      if (token.length > tokenCharsMax) return undefined;
      const at = token.indexOf('.');
      if (at < 0) return undefined;
      const payload = token.slice(0, at);
      // As text: several texts decode to the same bytes.
      if (!isEqual(token.slice(at + 1), macOf(payload))) return undefined;
      return Claims.safeParse(JSON.parse(Buffer.from(payload, 'base64url').toString())).data;
    },
  };
}

/** Takes the same time wherever the two differ. */
function isEqual(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
