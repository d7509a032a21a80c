/**
 * Webhook signatures: HMAC-SHA256 over the raw bytes, as `sha256=<hex>`, against every active secret. Takes the same time
 * whichever of them matches and wherever a signature differs. SHA-1 is refused, even where it would match.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Headers, HookSource } from '../domain/delivery.ts';
import type { Problem } from '../domain/problems.ts';

const shape = /^sha256=([0-9a-f]{64})$/i;

export type Signed = Readonly<{ source: HookSource; header: Headers; body: Uint8Array }>;

/** Undefined when it is genuine. */
export function signatureProblem(signed: Signed, secrets: readonly string[]): Problem | undefined {
  const { source, header, body } = signed;
  const given = source.signatureHeaders.map(header).find((value) => value !== undefined);
  if (given === undefined) {
    const isSha1 = header('x-hub-signature') !== undefined;
    return { code: isSha1 ? 'signature-sha1' : 'signature-missing' };
  }
  const hex = shape.exec(given.trim())?.[1];
  if (hex === undefined)
    return {
      code: 'signature-invalid',
      detail: 'The signature must be written as sha256=<64 hex digits>.',
    };
  const signature = Buffer.from(hex, 'hex');
  const matches = secrets.map((secret) =>
    timingSafeEqual(createHmac('sha256', secret).update(body).digest(), signature),
  );
  return matches.includes(true) ? undefined : { code: 'signature-invalid' };
}
