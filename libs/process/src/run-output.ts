/**
 * Secret outputs of a job: sealed by whoever runs it to the run's public key, HPKE in base mode, and opened while a frame to
 * another job of the run is written. The additional data binds run, job and name, so that a value opens in no other place.
 */
import { createHmac, createPrivateKey, createPublicKey } from 'node:crypto';
import { suite } from './hpke.ts';
import type { KeyRing } from './key-ring.ts';
import { SealError } from './seal-error.ts';

export type RunOutputName = Readonly<{ runId: string; jobId: string; name: string }>;
/** Both in base64; `agentPublicKey` is the encapsulated key. */
export type SealedRunOutput = Readonly<{ agentPublicKey: string; encrypted: string }>;

const info = new TextEncoder().encode('waybill run output v1');

/** `jobId` names the job, not an attempt at it. */
export async function sealRunOutput(
  publicKeyBase64: string,
  place: RunOutputName,
  plain: string,
): Promise<SealedRunOutput> {
  const recipientPublicKey = await publicKeyOf(publicKeyBase64);
  const sender = await suite.createSenderContext({ recipientPublicKey, info });
  const content = await sender.seal(new TextEncoder().encode(plain), additionalData(place));
  return {
    agentPublicKey: Buffer.from(sender.enc).toString('base64'),
    encrypted: Buffer.from(content).toString('base64'),
  };
}

const additionalData = ({ runId, jobId, name }: RunOutputName): Uint8Array =>
  new TextEncoder().encode(JSON.stringify(['waybill', 'run output', 'v1', runId, jobId, name]));

async function publicKeyOf(text: string) {
  try {
    return await suite.kem.deserializePublicKey(new Uint8Array(Buffer.from(text, 'base64')));
  } catch {
    throw new SealError('malformed', 'the run’s public key is none');
  }
}

type RunName = Readonly<{ org: string; runId: string }>;

/** To which agents seal what only other jobs of the run may read: of the ring's current key, base64. */
export async function runPublicKey(ring: KeyRing, run: RunName): Promise<string> {
  const key = ring.keys.get(ring.current);
  if (key?.privateKey === undefined)
    throw new SealError('unknown-key', 'the ring has no current key that opens');
  const secret = await runSecret(key.privateKey, run);
  const pair = createPrivateKey({ key: secret, format: 'der', type: 'pkcs8' });
  const { x } = createPublicKey(pair).export({ format: 'jwk' });
  return Buffer.from(x ?? '', 'base64url').toString('base64');
}

/** Whichever key of the ring it was sealed under. Throws `SealError` where none opens it. */
export async function openRunOutput(
  ring: KeyRing,
  { org, runId, jobId, name }: RunName & RunOutputName,
  { agentPublicKey, encrypted }: SealedRunOutput,
): Promise<string> {
  const enc = new Uint8Array(Buffer.from(agentPublicKey, 'base64'));
  const content = new Uint8Array(Buffer.from(encrypted, 'base64'));
  // The newest first: it is the one nearly always.
  for (const { privateKey } of [...ring.keys.values()].reverse()) {
    if (privateKey === undefined) continue;
    const recipientKey = await runPrivateKey(privateKey, { org, runId });
    try {
      const recipient = await suite.createRecipientContext({ recipientKey, enc, info });
      const plain = await recipient.open(content, additionalData({ runId, jobId, name }));
      return new TextDecoder().decode(plain);
    } catch {
      // A wrong key, a wrong place and a changed byte look alike to the cipher.
    }
  }
  throw new SealError('wrong-context', 'no key of the ring opens this output of a run');
}

/** Derived, so that nothing of it is stored: from the secret of the ring's key, and from nothing that rotates with another. */
async function runSecret(privateKey: CryptoKey, { org, runId }: RunName): Promise<Buffer> {
  const seed = hmac(await secretOf(privateKey), JSON.stringify(['waybill run key v1', org, runId]));
  // DeriveKeyPair of RFC 9180 for DHKEM(X25519, HKDF-SHA256), by hand: there is one for every dispatch, and the suite takes a
  // millisecond for it.
  const prk = hmac('', `${LABELED}dkp_prk`, seed);
  const secret = hmac(prk, Buffer.from([0, 32]), `${LABELED}sk`, Buffer.from([1]));
  return Buffer.concat([PKCS8_X25519, secret]);
}

/** What labels begin with: the version and the id of the KEM. */
const LABELED = 'HPKE-v1KEM\u0000\u0020';
/** All of such a key in DER but its 32 bytes. */
const PKCS8_X25519 = Buffer.from('302e020100300506032b656e04220420', 'hex');

const hmac = (key: string | Uint8Array, ...parts: readonly (string | Uint8Array)[]): Buffer =>
  parts.reduce((mac, part) => mac.update(part), createHmac('sha256', key)).digest();

const secrets = new WeakMap<CryptoKey, Promise<Uint8Array>>();

function secretOf(privateKey: CryptoKey): Promise<Uint8Array> {
  const known = secrets.get(privateKey);
  if (known !== undefined) return known;
  const secret = suite.kem.serializePrivateKey(privateKey).then((raw) => new Uint8Array(raw));
  secrets.set(privateKey, secret);
  return secret;
}

async function runPrivateKey(privateKey: CryptoKey, run: RunName): Promise<CryptoKey> {
  const der = await runSecret(privateKey, run);
  return suite.kem.deserializePrivateKey(new Uint8Array(der.subarray(PKCS8_X25519.length)));
}
