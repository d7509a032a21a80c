import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { decidedDraft, readTriggerMessage, runId, subjects, triggerId } from '@waybill/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { limits } from '../domain/limits.ts';
import { answered, ORG, type RunningApi, SECRETS, sign, startApi } from './running-api.fixture.ts';

let api: RunningApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.stop());

let count = 0;
const delivery = (): string => `delivery-${++count}`;
const github = (id: string, more: Record<string, string> = {}) => ({
  'x-github-event': 'push',
  'x-github-delivery': id,
  ...more,
});
const stored = async (id: string, source = 'github') => {
  const message = await api.journal.last(
    'WB_TRIGGERS',
    subjects.trigger(ORG, source, triggerId(ORG, source, id), 'received'),
    { leader: true },
  );
  return message;
};
const count202 = async () => (await api.journal.info('WB_TRIGGERS')).messages;

/** Reads nothing before everything has been written; rejects when the connection is cut off before. */
async function sentWhole(head: string, bytes: number): Promise<string> {
  const { hostname, port } = new URL(api.url);
  const socket = connect({ host: hostname, port: Number(port) });
  socket.pause();
  const chunk = Buffer.alloc(1_048_576, '1');
  const body = function* (): Generator<Buffer | string> {
    yield head;
    for (let left = bytes; left > 0; left -= chunk.length) yield chunk.subarray(0, left);
  };
  await pipeline(Readable.from(body()), socket, { end: false });
  return text(socket);
}

describe('a signed delivery', () => {
  it('is answered 202 once it is stored, as it came', async () => {
    const id = delivery();
    const body = '{ "ref": "refs/heads/main",\n "big": 12345678901234567890 }';
    const answer = await api.hook(
      'github',
      body,
      github(id, {
        'user-agent': 'GitHub-Hookshot/x',
        'x-request-id': 'req-1',
        'x-secret-thing': 'no',
      }),
    );
    expect(answer.status).toBe(202);
    expect(answer.headers.get('x-request-id')).toBe('req-1');
    expect(await answered(answer)).toEqual({
      triggerId: triggerId(ORG, 'github', id),
      requestId: 'req-1',
      duplicate: false,
      decision: null,
      runs: [],
    });
    const message = await stored(id);
    expect(new TextDecoder().decode(message?.body)).toBe(body);
    expect(message?.header('wb-http-user-agent')).toBe('GitHub-Hookshot/x');
    expect(message?.header('wb-http-x-secret-thing')).toBeUndefined();
    expect(message?.header('wb-http-x-hub-signature-256')).toBeUndefined();
    expect(message?.header('traceparent')).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    const event = message === undefined ? undefined : readTriggerMessage(message);
    expect(event).toMatchObject({
      type: 'trigger.received',
      kind: 'webhook',
      event: 'push',
      deliveryId: id,
      meta: { requestId: 'req-1' },
    });
  });

  it('keeps a valid traceparent and replaces what is none', async () => {
    const id = delivery();
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await api.hook('github', '{}', github(id, { traceparent, 'x-request-id': 'not sane' }));
    const message = await stored(id);
    expect(message?.header('traceparent')).toBe(traceparent);
    expect(message?.header('wb-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('may be signed with any active secret', async () => {
    for (const secret of SECRETS) {
      const answer = await api.hook(
        'github',
        '{"a":1}',
        github(delivery(), { 'x-hub-signature-256': sign('{"a":1}', secret) }),
      );
      expect(answer.status).toBe(202);
    }
  });

  it('may be a form with the field payload, and is the same delivery as its JSON', async () => {
    const id = delivery();
    const form = `payload=${encodeURIComponent('{"zen": "a+b & ü"}')}`;
    const first = await api.hook(
      'github',
      form,
      github(id, {
        'content-type': 'application/x-www-form-urlencoded',
        'x-hub-signature-256': sign(form),
      }),
    );
    expect(first.status).toBe(202);
    expect(new TextDecoder().decode((await stored(id))?.body)).toBe('{"zen": "a+b & ü"}');
    const again = await api.hook('github', '{"zen": "a+b & ü"}', github(id));
    expect(await answered(again)).toMatchObject({ duplicate: true });
  });

  it('of the generic source has defaults: event "event", and its body for an id', async () => {
    const body = `{"n":${Math.random()}}`;
    const send = (headers: Record<string, string> = {}) => api.hook('hmac', body, headers);
    const first = await answered(send());
    expect(first).toMatchObject({ duplicate: false });
    expect(await answered(send())).toMatchObject({ duplicate: true, triggerId: first.triggerId });
    const named = await api.hook('hmac', body, {
      'x-waybill-event': 'build.done',
      'x-waybill-delivery': 'b-1',
      'x-waybill-signature-256': sign(body),
      'x-hub-signature-256': 'sha256=00',
    });
    expect(named.status).toBe(202);
    expect((await stored('b-1', 'hmac'))?.header('wb-event')).toBe('build.done');
    const keyed = await api.hook('hmac', body, { 'idempotency-key': 'k 1' });
    expect(keyed.status).toBe(202);
  });
});

describe('a repeat', () => {
  it('is answered from the original, with its decision and its runs', async () => {
    const id = delivery();
    const first = await answered(
      api.hook('github', '{"a":1}', github(id, { 'x-request-id': 'first' })),
    );
    const undecided = await answered(
      api.hook('github', '{"a":1}', github(id, { 'x-request-id': 'second' })),
    );
    expect(undecided).toEqual({ ...first, duplicate: true });
    const message = await stored(id);
    const received = message === undefined ? undefined : readTriggerMessage(message);
    if (received?.type !== 'trigger.received') throw new Error('not stored');
    const run = runId(received.triggerId, 0);
    const rule = { name: 'ci', generation: 3, seq: 9 };
    const body = {
      triggerId: received.triggerId,
      decision: 'run' as const,
      receivedSeq: received.seq,
      runs: [{ rule, runId: run }],
    };
    await api.journal.append(decidedDraft(received, body));
    const decided = await answered(api.hook('github', '{"a":1}', github(id)));
    expect(decided).toEqual({
      triggerId: received.triggerId,
      requestId: 'first',
      duplicate: true,
      decision: 'run',
      runs: [{ rule: 'ci', runId: run }],
    });
  });

  it('with another body is refused with 409, and the original stands', async () => {
    const id = delivery();
    await api.hook('github', '{"a":1}', github(id));
    const answer = await api.hook('github', '{"a":2}', github(id));
    expect(answer.status).toBe(409);
    expect(await answered(answer)).toMatchObject({ code: 'delivery-conflict', status: 409 });
    expect(new TextDecoder().decode((await stored(id))?.body)).toBe('{"a":1}');
  });

  it('ten times at once is stored once: all 202 with one id, exactly one of them the first', async () => {
    const id = delivery();
    const before = await count202();
    const answers = await Promise.all(
      Array.from({ length: 10 }, () =>
        api.hook('github', '{"race":true}', github(id, { 'x-request-id': 'same' })),
      ),
    );
    expect(answers.map((answer) => answer.status)).toEqual(Array(10).fill(202));
    const bodies = await Promise.all(answers.map(answered));
    expect(new Set(bodies.map((body) => body.triggerId)).size).toBe(1);
    expect(new Set(bodies.map((body) => body.requestId)).size).toBe(1);
    expect(bodies.filter((body) => !body.duplicate)).toHaveLength(1);
    expect(await count202()).toBe(before + 1);
  });
});

describe('what is not taken', () => {
  const refusals: readonly (readonly [string, number, string, () => Promise<Response>])[] = [
    ['an unknown source', 404, 'not-found', () => api.hook('gitlab', '{}', github(delivery()))],
    [
      'an unknown org',
      404,
      'not-found',
      () => fetch(`${api.url}/hooks/other/github`, { method: 'POST', body: 'x'.repeat(100) }),
    ],
    [
      'no signature',
      401,
      'signature-missing',
      () =>
        fetch(`${api.url}/hooks/${ORG}/github`, {
          method: 'POST',
          body: '{}',
          headers: github(delivery()),
        }),
    ],
    [
      'a signature of SHA-1',
      401,
      'signature-sha1',
      () =>
        fetch(`${api.url}/hooks/${ORG}/github`, {
          method: 'POST',
          body: '{}',
          headers: github(delivery(), { 'x-hub-signature': 'sha1=0' }),
        }),
    ],
    [
      'a wrong signature',
      401,
      'signature-invalid',
      () => api.hook('github', '{}', github(delivery(), { 'x-hub-signature-256': sign('{ }') })),
    ],
    [
      'a signature of the wrong secret',
      401,
      'signature-invalid',
      () =>
        api.hook(
          'github',
          '{}',
          github(delivery(), { 'x-hub-signature-256': sign('{}', 'guess') }),
        ),
    ],
    [
      'a signature that is no hex',
      401,
      'signature-invalid',
      () => api.hook('github', '{}', github(delivery(), { 'x-hub-signature-256': 'sha256=zz' })),
    ],
    [
      'a wrong signature of malformed JSON',
      401,
      'signature-invalid',
      () => api.hook('github', '{', github(delivery(), { 'x-hub-signature-256': sign('[') })),
    ],
    [
      'no event',
      400,
      'header-invalid',
      () => api.hook('github', '{}', { 'x-github-delivery': delivery() }),
    ],
    [
      'no delivery id',
      400,
      'header-invalid',
      () => api.hook('github', '{}', { 'x-github-event': 'push' }),
    ],
    [
      'an endless delivery id',
      400,
      'header-invalid',
      () => api.hook('github', '{}', github('i'.repeat(limits.deliveryIdChars + 1))),
    ],
    [
      'another content type',
      415,
      'media-type',
      () => api.hook('github', '{}', github(delivery(), { 'content-type': 'text/plain' })),
    ],
    ['an empty body', 400, 'json-malformed', () => api.hook('github', '', github(delivery()))],
    [
      'a key twice',
      400,
      'json-duplicate-key',
      () => api.hook('github', '{"a":1,"a":2}', github(delivery())),
    ],
    [
      'JSON too deep',
      400,
      'json-too-deep',
      () =>
        api.hook(
          'github',
          '['.repeat(limits.jsonDepth + 1) + ']'.repeat(limits.jsonDepth + 1),
          github(delivery()),
        ),
    ],
    [
      'too many headers',
      431,
      'headers-too-many',
      () =>
        api.hook('github', '{}', {
          ...github(delivery()),
          ...Object.fromEntries(Array.from({ length: limits.headers }, (_, i) => [`x-${i}`, '1'])),
        }),
    ],
  ];
  it.each(refusals)(
    '%s: %i, one shape of error, nothing stored',
    async (_what, status, code, send) => {
      const before = await count202();
      const answer = await send();
      expect(answer.status).toBe(status);
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
      const body = await answered(answer);
      expect(body).toMatchObject({ type: `urn:waybill:problem:${code}`, code, status });
      expect(body.requestId).toBe(answer.headers.get('x-request-id'));
      expect(body.title.length * body.detail.length * body.fix.length).toBeGreaterThan(0);
      expect(await count202()).toBe(before);
    },
  );

  it('malformed JSON is refused with its place', async () => {
    const answer = await api.hook('github', '{\n  "a": 1,\n  "b": tru\n}', github(delivery()));
    expect(answer.status).toBe(400);
    expect((await answered(answer)).detail).toContain('line 3, column 8');
  });

  it('JSON at the depth limit and a delivery id at its limit are taken', async () => {
    const body = '['.repeat(limits.jsonDepth) + ']'.repeat(limits.jsonDepth);
    expect(
      (await api.hook('github', body, github(`${delivery()}-`.padEnd(limits.deliveryIdChars, 'i'))))
        .status,
    ).toBe(202);
  });

  it('a key named __proto__ is data', async () => {
    expect(
      (
        await api.hook(
          'github',
          '{"__proto__":{"polluted":1},"constructor":{"prototype":1}}',
          github(delivery()),
        )
      ).status,
    ).toBe(202);
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
  });

  it('a body over the cap is refused with 413 naming the limit, at the cap it is taken', async () => {
    const max = Math.min(limits.bodyBytes, api.journal.maxPayload - limits.payloadReserveBytes);
    const over = await api.hook(
      'github',
      '1'.repeat(max + 1),
      github(delivery(), { 'x-hub-signature-256': 'sha256=00' }),
    );
    expect(over.status).toBe(413);
    expect((await answered(over)).detail).toContain(`${max} bytes`);
    const exact = `"${'a'.repeat(max - 2)}"`;
    expect((await api.hook('github', exact, github(delivery()))).status).toBe(202);
  });

  it('a body over the cap is answered also to a producer that reads only when it has sent it all', async () => {
    const bytes = limits.bodyBytes + 1;
    const head = `POST /hooks/${ORG}/github HTTP/1.1\r\nhost: x\r\nconnection: close\r\n`;
    expect(await sentWhole(`${head}content-length: ${bytes}\r\n\r\n`, bytes)).toContain(
      'HTTP/1.1 413',
    );
  });

  it('a body over the cap that does not say how long it is is refused too', async () => {
    const max = Math.min(limits.bodyBytes, api.journal.maxPayload - limits.payloadReserveBytes);
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const request = httpRequest(
        `${api.url}/hooks/${ORG}/github`,
        { method: 'POST', headers: { 'content-type': 'application/json' } },
        (response) => {
          response.resume();
          resolve(response.statusCode);
        },
      );
      request.on('error', reject);
      for (let sent = 0; sent <= max; sent += 1_048_576) request.write('1'.repeat(1_048_576));
      request.end();
    });
    expect(status).toBe(413);
  });
});
