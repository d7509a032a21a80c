/**
 * What a delivery says of itself in its headers: event, id, and what of them is kept. One entry a source; a source that is
 * not here is not found. The signature is checked elsewhere, and never kept.
 */
import type { Limits } from './limits.ts';
import type { Problem } from './problems.ts';

export type Headers = (name: string) => string | undefined;

export type HookSource = Readonly<{
  /** Where the signature stands, the first that is there. */
  signatureHeaders: readonly string[];
  eventHeader: string;
  eventDefault: string | undefined;
  idHeaders: readonly string[];
  /** Without an id, the digest of the body stands for it. */
  idRequired: boolean;
}>;

const sources: ReadonlyMap<string, HookSource> = new Map([
  [
    'github',
    {
      signatureHeaders: ['x-hub-signature-256'],
      eventHeader: 'x-github-event',
      eventDefault: undefined,
      idHeaders: ['x-github-delivery'],
      idRequired: true,
    },
  ],
  [
    'hmac',
    {
      signatureHeaders: ['x-waybill-signature-256', 'x-hub-signature-256'],
      eventHeader: 'x-waybill-event',
      eventDefault: 'event',
      idHeaders: ['x-waybill-delivery', 'idempotency-key'],
      idRequired: false,
    },
  ],
]);

export const hookSource = (name: string): HookSource | undefined => sources.get(name);

/** Kept with the trigger: what tells producers apart, and nothing that could be a credential. */
const keptHeaders = [
  'content-type',
  'user-agent',
  'x-github-hook-id',
  'x-github-hook-installation-target-id',
  'x-github-hook-installation-target-type',
  'x-github-enterprise-host',
] as const;
const keptChars = 256;

export const keptOf = (header: Headers): Readonly<Record<string, string>> =>
  Object.fromEntries(
    keptHeaders.flatMap((name) => {
      const value = header(name);
      return value === undefined || value === '' ? [] : [[name, value.slice(0, keptChars)]];
    }),
  );

export type Delivery = Readonly<{ event: string; deliveryId: string | undefined }>;

const PRINTABLE = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;

export function deliveryOf(
  source: HookSource,
  header: Headers,
  bounds: Limits,
): Delivery | Problem {
  const event = header(source.eventHeader) ?? source.eventDefault;
  if (event === undefined) return missing(source.eventHeader);
  if (!PRINTABLE.test(event) || event.length > bounds.eventChars)
    return unusable(source.eventHeader, bounds.eventChars);
  const idHeader = source.idHeaders.find((name) => header(name) !== undefined);
  if (idHeader === undefined)
    return source.idRequired
      ? missing(source.idHeaders[0] ?? '')
      : { event, deliveryId: undefined };
  const deliveryId = header(idHeader) ?? '';
  if (!isDeliveryId(deliveryId, bounds)) return unusable(idHeader, bounds.deliveryIdChars);
  return { event, deliveryId };
}

export const isDeliveryId = (id: string, bounds: Limits): boolean =>
  PRINTABLE.test(id) && id.length <= bounds.deliveryIdChars;

const missing = (name: string): Problem => ({
  code: 'header-invalid',
  detail: `The header ${name} is missing.`,
});

export const unusable = (name: string, charsMax: number): Problem => ({
  code: 'header-invalid',
  detail: `The header ${name} must have 1 to ${charsMax} printable characters.`,
});
