/**
 * Checks AWS Signature Version 4 as S3 does, in a query or in headers. Written from AWS's description alone, so that it can judge
 * whoever signs; its own spec holds it to AWS's published examples.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

export type Credentials = Readonly<{
  accessKeyId: string;
  secretAccessKey: string;
  region: string;
}>;
export type SignedRequest = Readonly<{
  method: string;
  /** Path and query, as they stand in the request line. */
  target: string;
  headers: Readonly<Record<string, string>>;
  nowMs: number;
}>;
export type S3Refusal =
  | 'AccessDenied'
  | 'AuthorizationQueryParametersError'
  | 'InvalidAccessKeyId'
  | 'RequestTimeTooSkewed'
  | 'SignatureDoesNotMatch';
/** What the body must hash to, unless it is not signed. */
export type Judged = Readonly<{ payload: string } | { refusal: S3Refusal }>;

type Parameters = Readonly<{
  credential: string;
  date: string;
  signedHeaders: string;
  signature: string;
  payload: string;
  /** Without the signature itself. */
  query: readonly (readonly [string, string])[];
  expiresS: number | undefined;
}>;

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string): Buffer =>
  createHmac('sha256', key).update(text).digest();
const skewMs = 15 * 60_000;
const refused = (refusal: S3Refusal): Judged => ({ refusal });

export function judge(request: SignedRequest, credentials: Credentials): Judged {
  const parameters = parametersOf(request);
  if (parameters === undefined) return refused('AccessDenied');
  const refusal =
    scopeProblem(parameters, credentials) ??
    headerProblem(parameters, request) ??
    signatureProblem(parameters, request, credentials) ??
    timeProblem(parameters, request);
  return refusal === undefined ? { payload: parameters.payload } : refused(refusal);
}

const scopeOf = ({ credential }: Parameters): readonly string[] => credential.split('/').slice(1);

function scopeProblem(p: Parameters, credentials: Credentials): S3Refusal | undefined {
  const [day, region, service, end] = scopeOf(p);
  if (day !== p.date.slice(0, 8) || service !== 's3' || end !== 'aws4_request')
    return 'AuthorizationQueryParametersError';
  if (p.credential.split('/')[0] !== credentials.accessKeyId) return 'InvalidAccessKeyId';
  return region === credentials.region ? undefined : 'AuthorizationQueryParametersError';
}

function headerProblem(
  { signedHeaders }: Parameters,
  { headers }: SignedRequest,
): S3Refusal | undefined {
  const names = signedHeaders.split(';');
  const isWhole = Object.keys(headers).every(
    (name) => !name.startsWith('x-amz-') || names.includes(name),
  );
  return names.includes('host') && isWhole ? undefined : 'AccessDenied';
}

function signatureProblem(
  p: Parameters,
  request: SignedRequest,
  { secretAccessKey }: Credentials,
): S3Refusal | undefined {
  const names = p.signedHeaders.split(';');
  const canonical = [
    request.method,
    uriEncoded(decodeURIComponent(pathOf(request)), '/'),
    canonicalQuery(p.query),
    ...names.map((name) => `${name}:${(request.headers[name] ?? '').trim().replace(/ +/g, ' ')}`),
    '',
    p.signedHeaders,
    p.payload,
  ].join('\n');
  const scope = scopeOf(p);
  const toSign = ['AWS4-HMAC-SHA256', p.date, scope.join('/'), sha256(canonical)].join('\n');
  const key = scope.reduce<string | Buffer>(hmac, `AWS4${secretAccessKey}`);
  const isHex = /^[0-9a-f]{64}$/.test(p.signature);
  return isHex && timingSafeEqual(Buffer.from(p.signature, 'hex'), hmac(key, toSign))
    ? undefined
    : 'SignatureDoesNotMatch';
}

function timeProblem(
  { date, expiresS }: Parameters,
  { nowMs }: SignedRequest,
): S3Refusal | undefined {
  const at = instantOf(date);
  if (Number.isNaN(at)) return 'AuthorizationQueryParametersError';
  if (expiresS === undefined)
    return Math.abs(nowMs - at) > skewMs ? 'RequestTimeTooSkewed' : undefined;
  if (!(expiresS >= 1 && expiresS <= 604_800)) return 'AuthorizationQueryParametersError';
  return nowMs > at + expiresS * 1_000 || at > nowMs + skewMs ? 'AccessDenied' : undefined;
}

const pathOf = ({ target }: SignedRequest): string => target.split('?', 1)[0] ?? '';

function parametersOf(request: SignedRequest): Parameters | undefined {
  const pairs = request.target
    .slice(pathOf(request).length + 1)
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const [name = '', value = ''] = pair.split('=', 2).map(decoded);
      return [name, value] as const;
    });
  const query = new Map(pairs);
  const signature = query.get('X-Amz-Signature');
  if (signature !== undefined) {
    return {
      credential: query.get('X-Amz-Credential') ?? '',
      date: query.get('X-Amz-Date') ?? '',
      signedHeaders: query.get('X-Amz-SignedHeaders') ?? '',
      signature,
      payload: 'UNSIGNED-PAYLOAD',
      query: pairs.filter(([name]) => name !== 'X-Amz-Signature'),
      expiresS: Number(query.get('X-Amz-Expires')),
    };
  }
  const form =
    /^AWS4-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]+)$/;
  const [, credential, signedHeaders, headerSignature] =
    form.exec(request.headers['authorization'] ?? '') ?? [];
  const payload = request.headers['x-amz-content-sha256'];
  if (credential === undefined || signedHeaders === undefined || headerSignature === undefined)
    return undefined;
  if (payload === undefined) return undefined;
  return {
    credential,
    date: request.headers['x-amz-date'] ?? '',
    signedHeaders,
    signature: headerSignature,
    payload,
    query: pairs,
    expiresS: undefined,
  };
}

const decoded = (text: string): string => decodeURIComponent(text.replaceAll('+', ' '));

function canonicalQuery(pairs: readonly (readonly [string, string])[]): string {
  return pairs
    .map(([name, value]) => [uriEncoded(name), uriEncoded(value)] as const)
    .toSorted(([a, x], [b, y]) => (a === b ? compare(x, y) : compare(a, b)))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** All bytes but the unreserved ones. */
const uriEncoded = (text: string, kept = ''): string =>
  [...Buffer.from(text)]
    .map((byte) => {
      const char = String.fromCharCode(byte);
      return /[A-Za-z0-9._~-]/.test(char) || char === kept
        ? char
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');

/** `20130524T000000Z` */
const instantOf = (date: string): number =>
  Date.parse(
    date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z') || 'never',
  );
