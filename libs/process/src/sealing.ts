/**
 * Secrets in the log: a value is sealed before the append and opened only while the frame is
 * written. A seal names its key, and its additional data binds org, run and field, so that it opens
 * in no other place.
 */
import { createHmac } from 'node:crypto';
import { suite } from './hpke.ts';
import type { KeyRing } from './key-ring.ts';
import { SealError } from './seal-error.ts';

export type SealContext = Readonly<{ org: string; run: string; field: string }>;
/** `v1.<kid>.<enc>.<ciphertext>`, the last two in base64url. */
export type Sealed = Readonly<{ $sealed: string }>;

const shape = /^v1\.([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{22,})$/;
const info = new TextEncoder().encode('waybill seal v1');

export function isSealed(value: unknown): value is Sealed {
  if (typeof value !== 'object' || value === null || !('$sealed' in value)) return false;
  return (
    Object.keys(value).length === 1 &&
    typeof value.$sealed === 'string' &&
    shape.test(value.$sealed)
  );
}

/** The key that a seal needs: whoever drops keys asks this of every open run. */
export function sealedKid(sealed: Sealed): string | undefined {
  return shape.exec(sealed.$sealed)?.[1];
}

/** `value` is anything that JSON can hold. */
export async function seal(ring: KeyRing, value: unknown, context: SealContext): Promise<Sealed> {
  const key = ring.keys.get(ring.current);
  if (!key) throw new SealError('unknown-key', 'the ring has no current key');
  const plain = JSON.stringify(value);
  if (plain === undefined) throw new TypeError('only a JSON value can be sealed');
  const sender = await suite.createSenderContext({ recipientPublicKey: key.publicKey, info });
  const aad = additionalData(ring.current, context);
  const content = await sender.seal(new TextEncoder().encode(plain), aad);
  return { $sealed: ['v1', ring.current, encode(sender.enc), encode(content)].join('.') };
}

export async function open(ring: KeyRing, sealed: Sealed, context: SealContext): Promise<unknown> {
  const [, kid, enc, content] = shape.exec(sealed.$sealed) ?? [];
  if (kid === undefined || enc === undefined || content === undefined) {
    throw new SealError('malformed', 'this is no seal of version 1');
  }
  const key = ring.keys.get(kid);
  if (!key?.privateKey) throw new SealError('unknown-key', `the ring cannot open with key ${kid}`);
  const plain = await decrypt(
    key.privateKey,
    decode(enc),
    decode(content),
    additionalData(kid, context),
  );
  return JSON.parse(new TextDecoder().decode(plain));
}

/**
 * A keyed hash for comparing bodies that may hold secrets: a plain one could be guessed from a
 * list. The key never rotates, so that the answer stays the same for the life of the ring.
 */
export function digest(ring: KeyRing, bytes: Uint8Array | string): string {
  return createHmac('sha256', ring.digestKey).update(bytes).digest('hex');
}

/** A wrong place, a changed byte and another key look alike to the cipher, and get one answer. */
async function decrypt(
  recipientKey: Parameters<typeof suite.createRecipientContext>[0]['recipientKey'],
  enc: Uint8Array,
  content: Uint8Array,
  aad: Uint8Array,
): Promise<ArrayBuffer> {
  try {
    const recipient = await suite.createRecipientContext({ recipientKey, enc, info });
    return await recipient.open(content, aad);
  } catch {
    throw new SealError(
      'wrong-context',
      'the seal was made for another place, or has been changed',
    );
  }
}

/** JSON of an array, because concatenated names could be cut elsewhere and read the same. */
function additionalData(kid: string, { org, run, field }: SealContext): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(['waybill', 'v1', kid, org, run, field]));
}

const encode = (raw: ArrayBuffer): string => Buffer.from(raw).toString('base64url');
const decode = (encoded: string): Uint8Array => new Uint8Array(Buffer.from(encoded, 'base64url'));
