/**
 * Both kinds of storage as one, by the beginning of the key: what was stored in NATS stays readable after S3 was set up. New bytes
 * go to S3 where there is one.
 */
import type { BytePlace, ByteUrls } from './byte-store.ts';

type Scheme = 'nats' | 's3';
export type Places<P> = Readonly<{ nats: P; s3: P | undefined }>;

export type Stores<P> = Readonly<{
  /** A key for new bytes. */
  keyOf(path: string): string;
  /** Undefined for a key of a storage that is not set up here. */
  at(key: string): P | undefined;
  all: readonly P[];
}>;

const schemeOf = (key: string): Scheme | undefined =>
  key.startsWith('s3:') ? 's3' : key.startsWith('nats:') ? 'nats' : undefined;
const pathOf = (key: string): string => key.slice(key.indexOf(':') + 1);

/** Of each place what works on keys of both. */
export function placesByKey<P extends BytePlace>(places: Places<P>): Stores<BytePlace> {
  return byScheme(places, (place, scheme) => ({
    stat: (key) => place.stat(pathOf(key)),
    sha256: (key, stat) => place.sha256(pathOf(key), stat),
    settle: async (key, finalKey, stat) => {
      const settled = await place.settle(pathOf(key), pathOf(finalKey), stat);
      return settled === undefined ? undefined : `${scheme}:${settled}`;
    },
    write: (key, body) => place.write(pathOf(key), body),
    read: (key) => place.read(pathOf(key)),
    delete: (key) => place.delete(pathOf(key)),
    tidy: () => place.tidy(),
  }));
}

export const urlsByKey = (urls: Places<ByteUrls>): Stores<ByteUrls> =>
  byScheme(urls, (each) => ({
    uploadUrl: (key, o) => each.uploadUrl(pathOf(key), o),
    downloadUrl: (key, o) => each.downloadUrl(pathOf(key), o),
  }));

function byScheme<P, Q>(places: Places<P>, wrap: (place: P, scheme: Scheme) => Q): Stores<Q> {
  const nats = wrap(places.nats, 'nats');
  const s3 = places.s3 === undefined ? undefined : wrap(places.s3, 's3');
  return {
    keyOf: (path) => `${s3 === undefined ? 'nats' : 's3'}:${path}`,
    at: (key) => {
      const scheme = schemeOf(key);
      return scheme === undefined ? undefined : { nats, s3 }[scheme];
    },
    all: s3 === undefined ? [nats] : [nats, s3],
  };
}
