/**
 * The one hash of the protocol: SHA-256, used for shards, derived ids and jitter.
 * Pure: equal input gives equal output on every host and in every version. Never change what is hashed:
 * subjects of a log that forbids deletion depend on it.
 */
import { hash } from 'node:crypto';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

export const sha256Hex = (text: string): string => hash('sha256', text, 'hex');

/** The first `length` Crockford base-32 digits (lower case, 5 bits each) of the SHA-256 of `text`. */
export function shortHash(text: string, length = 26): string {
  const bytes = hash('sha256', text, 'buffer');
  let digits = '';
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5 && digits.length < length) {
      bits -= 5;
      digits += ALPHABET.charAt((value >>> bits) & 31);
    }
    value &= (1 << bits) - 1;
  }
  return digits;
}

/** A number in [0, 1) that depends on `text` alone: the fold's stand-in for dice. */
export const fraction = (text: string): number =>
  Number.parseInt(sha256Hex(text).slice(0, 8), 16) / 2 ** 32;

/** The first 52 bits of the SHA-256 of `text`, as many as a number holds exactly: who does not choose it cannot meet it. */
export function fingerprint(text: string): number {
  const digest = hash('sha256', text, 'binary');
  let value = 0;
  for (let at = 0; at < 6; at++) value = value * 256 + digest.charCodeAt(at);
  return value * 16 + (digest.charCodeAt(6) >> 4);
}
