/**
 * The keys that seal and open: one current X25519 pair, the earlier ones that open runs may still
 * name, and one digest key that never rotates. The serialised form is a secret itself; it belongs
 * in a file of mode 0600 or a secret store.
 */
import { createSecretKey, type KeyObject, randomBytes, type webcrypto } from 'node:crypto';
import { z } from 'zod';
import { suite } from './hpke.ts';
import { SealError } from './seal-error.ts';

export type RingKey = Readonly<{
  publicKey: webcrypto.CryptoKey;
  /** Absent where one may seal and not open. */
  privateKey: webcrypto.CryptoKey | undefined;
}>;

export type KeyRing = Readonly<{
  current: string;
  keys: ReadonlyMap<string, RingKey>;
  digestKey: KeyObject;
}>;

export async function createKeyRing(): Promise<KeyRing> {
  const [kid, key] = await newKey();
  return { current: kid, keys: new Map([[kid, key]]), digestKey: createSecretKey(randomBytes(32)) };
}

/**
 * A ring with a new current key; everything sealed before still opens, and digests stay the same.
 */
export async function rotateKeyRing(ring: KeyRing): Promise<KeyRing> {
  const [kid, key] = await newKey();
  return { ...ring, current: kid, keys: new Map([...ring.keys, [kid, key]]) };
}

/** A ring without an earlier key: whatever names that key can never be opened again. */
export function dropRingKey(ring: KeyRing, kid: string): KeyRing {
  if (kid === ring.current) throw new RangeError('the current key of a ring cannot be dropped');
  return { ...ring, keys: new Map([...ring.keys].filter(([id]) => id !== kid)) };
}

/** A ring that seals and cannot open: for a service that only takes secrets in. */
export function sealingRing(ring: KeyRing): KeyRing {
  const keys = [...ring.keys].map(
    ([kid, { publicKey }]) => [kid, { publicKey, privateKey: undefined }] as const,
  );
  return { ...ring, keys: new Map(keys) };
}

const base64 = z.string().regex(/^[A-Za-z0-9_-]{43}$/);
const SerialisedRing = z.object({
  version: z.literal(1),
  current: z.string(),
  digestKey: base64,
  keys: z
    .array(
      z.object({
        kid: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/),
        publicKey: base64,
        privateKey: base64.nullable(),
      }),
    )
    .min(1),
});

export async function serialiseKeyRing(ring: KeyRing): Promise<string> {
  const keys = await Promise.all(
    [...ring.keys].map(async ([kid, { publicKey, privateKey }]) => ({
      kid,
      publicKey: text(await suite.kem.serializePublicKey(publicKey)),
      privateKey: privateKey ? text(await suite.kem.serializePrivateKey(privateKey)) : null,
    })),
  );
  const digestKey = ring.digestKey.export().toString('base64url');
  return JSON.stringify({ version: 1, current: ring.current, digestKey, keys });
}

/** Throws `SealError` `malformed`, without a word of what was read. */
export async function parseKeyRing(serialised: string): Promise<KeyRing> {
  const read = SerialisedRing.safeParse(parseJson(serialised));
  if (!read.success || !read.data.keys.some(({ kid }) => kid === read.data.current))
    throw malformed();
  const keys = await Promise.all(
    read.data.keys.map(async (key) => {
      const pair = await importPair(key.publicKey, key.privateKey);
      return [key.kid, pair] as const;
    }),
  );
  const digestKey = createSecretKey(Buffer.from(read.data.digestKey, 'base64url'));
  return { current: read.data.current, keys: new Map(keys), digestKey };
}

async function importPair(publicKey: string, privateKey: string | null): Promise<RingKey> {
  try {
    return {
      publicKey: await suite.kem.deserializePublicKey(bytes(publicKey)),
      privateKey:
        privateKey === null ? undefined : await suite.kem.deserializePrivateKey(bytes(privateKey)),
    };
  } catch {
    throw malformed();
  }
}

async function newKey(): Promise<readonly [string, RingKey]> {
  return [`k${randomBytes(8).toString('hex')}`, await suite.kem.generateKeyPair()];
}

function parseJson(serialised: string): unknown {
  try {
    return JSON.parse(serialised);
  } catch {
    throw malformed();
  }
}

/** Without a cause on purpose: parsers quote what they read. */
function malformed(): SealError {
  return new SealError('malformed', 'this is no key ring');
}

const text = (raw: ArrayBuffer): string => Buffer.from(raw).toString('base64url');
const bytes = (encoded: string): Uint8Array => new Uint8Array(Buffer.from(encoded, 'base64url'));
