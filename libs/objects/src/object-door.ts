/**
 * What the api does for whoever comes with a signed URL of the embedded store: it takes or gives the bytes once, before the URL
 * expires, and never more than the URL permits. A nonce is used up before the first byte.
 */
import type { Blobs, StoredBlob, Table } from '@waybill/journal';
import type { Clock } from '@waybill/process';
import type { Claims, UrlSigner } from './url-token.ts';

/** `forged`: not signed, for another organisation or another method. `gone`: there are no bytes any more. */
export type DoorRefusal = 'forged' | 'expired' | 'used' | 'gone' | 'too-big';
export type Refused = Readonly<{ refusal: DoorRefusal }>;
export type Given = StoredBlob &
  Readonly<{
    body: AsyncIterable<Uint8Array>;
    filename: string | undefined;
    mediaType: string | undefined;
  }>;

/** A token that permits what is asked for, as far as can be said without using it up. */
export type Pass = Readonly<{ bytesMax: number; claims: Claims }>;

export type ObjectDoor = Readonly<{
  open(token: string, method: 'PUT' | 'GET' | 'HEAD'): Pass | Refused;
  /** Rejects with what `body` throws, and then nothing is stored. */
  take(pass: Pass, body: AsyncIterable<Uint8Array>): Promise<StoredBlob | Refused>;
  give(pass: Pass): Promise<Given | Refused>;
  /** Without using it up. */
  look(pass: Pass): Promise<Omit<Given, 'body'> | Refused>;
}>;

export type DoorOptions = Readonly<{
  org: string;
  blobs: Blobs;
  /** `KV_WB_TICKETS`. */
  tickets: Table;
  signer: UrlSigner;
  clock: Clock;
}>;

/** Two hosts' clocks may differ: a ticket outlives its URL by so much. */
const skewMs = 3_600_000;

const refused = (refusal: DoorRefusal): Refused => ({ refusal });
export const isRefused = (value: object): value is Refused => 'refusal' in value;

export function openObjectDoor(o: DoorOptions): ObjectDoor {
  const { blobs, clock } = o;
  const use = async ({ n, x }: Claims): Promise<boolean> =>
    (await o.tickets.create(n, '', { ttlMs: Math.max(0, x - clock.now()) + skewMs })) !== undefined;
  const describe = async ({ claims }: Pass): Promise<Omit<Given, 'body'> | Refused> => {
    if ((await o.tickets.get(claims.n)) !== undefined) return refused('used');
    const found = await blobs.stat(claims.k);
    return found === undefined ? refused('gone') : { ...found, ...namedBy(claims) };
  };
  return {
    open: (token, method) => {
      const claims = o.signer.verify(token);
      const wanted = method === 'HEAD' ? 'GET' : method;
      if (claims === undefined || claims.o !== o.org || claims.m !== wanted)
        return refused('forged');
      return claims.x < clock.now() ? refused('expired') : { bytesMax: claims.b ?? 0, claims };
    },
    take: async ({ bytesMax, claims }, body) => {
      if (!(await use(claims))) return refused('used');
      // Tickets may be lost, bytes that somebody has verified must not be: they are never written over.
      if ((await blobs.stat(claims.k)) !== undefined) return refused('used');
      try {
        return await blobs.put(claims.k, bounded(body, bytesMax));
      } catch (error) {
        if (error instanceof TooBig) return refused('too-big');
        throw error;
      }
    },
    give: async ({ claims }) => {
      if ((await blobs.stat(claims.k)) === undefined) return refused('gone');
      if (!(await use(claims))) return refused('used');
      const found = await blobs.get(claims.k);
      return found === undefined ? refused('gone') : { ...found, ...namedBy(claims) };
    },
    look: describe,
  };
}

const namedBy = ({ f, t }: Claims): Pick<Given, 'filename' | 'mediaType'> => ({
  filename: f,
  mediaType: t,
});

class TooBig extends Error {}

async function* bounded(
  body: AsyncIterable<Uint8Array>,
  bytesMax: number,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new TooBig();
    yield chunk;
  }
}
