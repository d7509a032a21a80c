/**
 * Bytes in NATS beside the log, by URLs that the api serves. Such a URL writes once, so that what was written stays as it was
 * without being copied.
 */
import { randomBytes } from 'node:crypto';
import type { Blobs } from '@waybill/journal';
import type { BytePlace, ByteUrls } from './byte-store.ts';
import type { Claims, UrlSigner } from './url-token.ts';

/** Of the public URL, before the token. */
export const objectPath = '/v1/objects/';

export const natsPlace = (blobs: Blobs): BytePlace => ({
  stat: blobs.stat,
  sha256: async (key) => (await blobs.stat(key))?.sha256,
  settle: async (key, _finalKey, stat) =>
    (await blobs.stat(key))?.sha256 === stat.sha256 ? key : undefined,
  write: blobs.put,
  read: async (key) => (await blobs.get(key))?.body,
  delete: async (key) => void (await blobs.delete(key)),
  tidy: async () => void (await blobs.sweep()),
});

export function natsUrls(signer: UrlSigner, publicUrl: () => string): ByteUrls {
  const urlOf = (claims: Omit<Claims, 'n'>): string => {
    const token = signer.sign({ ...claims, n: randomBytes(16).toString('base64url') });
    return `${publicUrl().replace(/\/+$/, '')}${objectPath}${token}`;
  };
  return {
    uploadUrl: async (key, { org, expiresAt, bytesMax }) =>
      urlOf({ m: 'PUT', k: key, o: org, x: expiresAt, b: bytesMax }),
    downloadUrl: async (key, { org, expiresAt, filename, mediaType }) =>
      urlOf({
        m: 'GET',
        k: key,
        o: org,
        x: expiresAt,
        ...(filename === undefined ? {} : { f: filename }),
        ...(mediaType === undefined ? {} : { t: mediaType }),
      }),
  };
}
