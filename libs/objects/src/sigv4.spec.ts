import { describe, expect, it } from 'vitest';
import { judge, type SignedRequest } from './sigv4.fixture.ts';

/** From AWS's pages "Authenticating Requests: Using Query Parameters" and "… the Authorization Header", Signature Version 4. */
const credentials = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  region: 'us-east-1',
};
const nowMs = Date.UTC(2013, 4, 24);
const host = 'examplebucket.s3.amazonaws.com';
const scope = 'AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request';
const emptyHash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

const presigned = (
  signature = 'aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
): SignedRequest => ({
  method: 'GET',
  target: `/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=${encodeURIComponent(scope)}&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=${signature}`,
  headers: { host },
  nowMs,
});

const signed = (
  o: Readonly<{
    method?: string;
    target: string;
    names: string;
    signature: string;
    headers?: Record<string, string>;
  }>,
): SignedRequest => ({
  method: o.method ?? 'GET',
  target: o.target,
  headers: {
    host,
    'x-amz-content-sha256': emptyHash,
    'x-amz-date': '20130524T000000Z',
    ...o.headers,
    authorization: `AWS4-HMAC-SHA256 Credential=${scope},SignedHeaders=${o.names},Signature=${o.signature}`,
  },
  nowMs,
});

const published: Readonly<Record<string, SignedRequest>> = {
  'a presigned GET': presigned(),
  'a GET of a range': signed({
    target: '/test.txt',
    names: 'host;range;x-amz-content-sha256;x-amz-date',
    headers: { range: 'bytes=0-9' },
    signature: 'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  }),
  'a PUT of a key that needs escaping': signed({
    method: 'PUT',
    target: '/test%24file.text',
    names: 'date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class',
    headers: {
      date: 'Fri, 24 May 2013 00:00:00 GMT',
      'x-amz-storage-class': 'REDUCED_REDUNDANCY',
      'x-amz-content-sha256': '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072',
    },
    signature: '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
  }),
  'a query without a value': signed({
    target: '/?lifecycle',
    names: 'host;x-amz-content-sha256;x-amz-date',
    signature: 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
  }),
  'a query with values': signed({
    target: '/?max-keys=2&prefix=J',
    names: 'host;x-amz-content-sha256;x-amz-date',
    signature: '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
  }),
};

describe('the check of signatures in specs', () => {
  it.each(Object.entries(published))('takes %s as AWS has published it', (_name, request) => {
    expect(judge(request, credentials)).not.toHaveProperty('refusal');
  });

  it.each(Object.entries(published))('refuses %s with anything changed', (_name, request) => {
    for (const changed of [
      { ...request, method: 'DELETE' },
      { ...request, target: request.target.replace('/', '/x') },
      { ...request, headers: { ...request.headers, host: 'another.example' } },
    ])
      expect(judge(changed, credentials)).toEqual({ refusal: 'SignatureDoesNotMatch' });
    expect(judge(request, { ...credentials, secretAccessKey: 'another' })).toEqual({
      refusal: 'SignatureDoesNotMatch',
    });
    const unsigned = { ...request.headers, 'x-amz-meta-added': 'later' };
    expect(judge({ ...request, headers: unsigned }, credentials)).toEqual({
      refusal: 'AccessDenied',
    });
  });

  it('refuses a tampered signature, one that has expired, and none at all', () => {
    expect(judge(presigned('0'.repeat(64)), credentials)).toMatchObject({
      refusal: 'SignatureDoesNotMatch',
    });
    const lastMs = nowMs + 86_400_000;
    expect(judge({ ...presigned(), nowMs: lastMs }, credentials)).not.toHaveProperty('refusal');
    expect(judge({ ...presigned(), nowMs: lastMs + 1 }, credentials)).toEqual({
      refusal: 'AccessDenied',
    });
    const bare = { method: 'GET', target: '/test.txt', headers: { host }, nowMs };
    expect(judge(bare, credentials)).toEqual({ refusal: 'AccessDenied' });
  });
});
