import { open, type Sealed } from '@waybill/process';
import {
  isToken,
  parseJson,
  readTriggerMessage,
  requestLimits,
  streamNames,
  subjects,
  triggerOfRun,
} from '@waybill/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { limits } from '../domain/limits.ts';
import { answered, ORG, type RunningApi, startApi } from './running-api.fixture.ts';

let api: RunningApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.stop());

const jobs = [{ name: 'build', steps: [{ run: 'make' }] }];
const storedRequest = async (runId: string) => {
  const subject = subjects.triggerAnySource(ORG, triggerOfRun(runId) ?? '');
  const message = await api.journal.last('WB_TRIGGERS', subject, { leader: true });
  if (message === undefined) throw new Error('not stored');
  return message;
};
const triggers = async () => (await api.journal.info('WB_TRIGGERS')).messages;

describe('a run that is asked for', () => {
  it('is answered 201 with its place, and reads as pending until it is decided', async () => {
    const answer = await api.post(
      '/runs',
      { jobs, ref: 'main', input: { a: 1 } },
      { 'x-request-id': 'asked-1' },
    );
    expect(answer.status).toBe(201);
    const { runId, ...rest } = await answered(answer);
    expect(rest).toEqual({
      triggerId: triggerOfRun(runId),
      requestId: 'asked-1',
      duplicate: false,
    });
    expect(isToken(runId)).toBe(true);
    expect(answer.headers.get('location')).toBe(`/v1/orgs/${ORG}/runs/${runId}`);
    const view = await answered(api.call(answer.headers.get('location') ?? ''));
    expect(view).toMatchObject({
      runId,
      org: ORG,
      state: 'pending',
      jobs: [],
      trigger: { source: 'api', kind: 'manual', event: 'run' },
      record: null,
    });
    const event = readTriggerMessage(await storedRequest(runId));
    expect(event).toMatchObject({
      source: 'api',
      event: 'run',
      kind: 'manual',
      data: { jobs, ref: 'main', input: { a: 1 } },
    });
  });

  it('with an Idempotency-Key is made once; another body under the key is refused with 422', async () => {
    const key = { 'idempotency-key': 'deploy 7' };
    const before = await triggers();
    const secretive = { jobs, secrets: { TOKEN: 'the-same-secret-value' } };
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => api.post('/runs', secretive, key)),
    );
    const bodies = await Promise.all(answers.map(answered));
    expect(answers.map((answer) => answer.status)).toEqual(Array(5).fill(201));
    expect(new Set(bodies.map((body) => body.runId)).size).toBe(1);
    expect(bodies.filter((body) => !body.duplicate)).toHaveLength(1);
    expect(await triggers()).toBe(before + 1);
    const other = await api.post(
      '/runs',
      { jobs, secrets: { TOKEN: 'another-secret-value' } },
      key,
    );
    expect(other.status).toBe(422);
    expect(await answered(other)).toMatchObject({ code: 'key-reused' });
  });

  it('with mistakes is refused with every one of them and its path', async () => {
    const before = await triggers();
    const answer = await api.post('/runs', {
      jobs: [
        { name: 'a', needs: ['b'], steps: [{ run: '' }], runsOn: 'linux' },
        { name: 'b', needs: [{ job: 'a', on: ['sometimes'] }], steps: [{ run: 'x', retries: 3 }] },
        { name: 'c', needs: ['nobody'] },
      ],
      secrets: { A: 1 },
      branch: 'main',
    });
    expect(answer.status).toBe(400);
    const { code, errors } = await answered(answer);
    expect(code).toBe('request-invalid');
    const paths = errors.map((error) => error.path);
    expect(paths).toEqual(
      expect.arrayContaining([
        'jobs[0].steps[0].run',
        'jobs[0].runsOn',
        'jobs[1].needs[0].on[0]',
        'jobs[1].steps[0].retries',
        'jobs[2].steps',
        'secrets.A',
        'branch',
        'jobs[2]',
        'jobs[0]',
      ]),
    );
    expect(JSON.stringify(errors)).toContain('a -> b -> a');
    expect(JSON.stringify(errors)).toContain('\\"nobody\\"');
    expect(await triggers()).toBe(before);
  });

  it('names a cycle by its path', async () => {
    const ring = ['a', 'b', 'c'].map((name, i, all) => ({
      name,
      needs: [all[(i + 1) % 3]],
      steps: [{ run: 'x' }],
    }));
    const { errors } = await answered(api.post('/runs', { jobs: ring }));
    expect(errors).toEqual([
      { path: 'jobs[0]', message: 'these jobs need each other: a -> b -> c -> a' },
    ]);
  });

  it('is refused when the log could not take it: its body, or its input in every job', async () => {
    const tooLong = await api.post('/runs', {
      jobs: [{ name: 'a', steps: [{ run: 'x'.repeat(limits.runBytes) }] }],
    });
    expect(tooLong.status).toBe(413);
    expect((await answered(tooLong)).detail).toContain(String(limits.runBytes));
    const many = Array.from({ length: 200 }, (_, i) => ({ name: `j${i}`, steps: [{ run: 'x' }] }));
    const unfolded = await api.post('/runs', {
      jobs: many,
      input: 'y'.repeat(limits.runBytes / 2),
    });
    expect(unfolded.status).toBe(413);
    expect((await answered(unfolded)).detail).toContain('input in every job');
    const secrets = Object.fromEntries(
      Array.from({ length: requestLimits.secrets + 1 }, (_, i) => [`S${i}`, 'v']),
    );
    expect((await answered(api.post('/runs', { jobs, secrets }))).errors).toMatchObject([
      { path: 'secrets' },
    ]);
    delete secrets['S0'];
    expect((await api.post('/runs', { jobs, secrets })).status).toBe(201);
  });

  it('needs JSON by name and by form', async () => {
    expect((await api.post('/runs', '{"jobs":', {})).status).toBe(400);
    expect(
      (await api.post('/runs', JSON.stringify({ jobs }), { 'content-type': 'text/plain' })).status,
    ).toBe(415);
  });
});

describe('secrets', () => {
  it('never appear in a stream, a table, an answer or the log, plain, in Base64 or in hex', async () => {
    const canary = 'canary-7c1f0e-Zq8!pass';
    const short = 'k4n4ry-9';
    const good = await api.post(
      '/runs',
      { jobs, secrets: { PASSWORD: canary, SHORT: short } },
      { 'idempotency-key': 'canary' },
    );
    const { runId } = await answered(good);
    const answers = [
      await api.post(
        '/runs',
        { jobs, secrets: { PASSWORD: canary, SHORT: short } },
        { 'idempotency-key': 'canary' },
      ),
      await api.post('/runs', { jobs: [], secrets: { PASSWORD: canary, SHORT: [short] } }),
      await api.post(
        '/runs',
        `{"jobs": [], "secrets": {"PASSWORD": "${canary}", "SHORT": "${short}", }}`,
      ),
      await api.post(
        '/runs',
        { jobs, secrets: { PASSWORD: canary } },
        { 'idempotency-key': 'canary' },
      ),
      await api.call(`/v1/orgs/${ORG}/runs/${runId}`),
      await api.call(`/v1/orgs/${ORG}/runs/${runId}/events`),
      await api.call(`/v1/orgs/${ORG}/triggers/${triggerOfRun(runId)}`),
    ];
    const texts = [api.logged(), ...(await Promise.all(answers.map((answer) => answer.text())))];
    for (const stream of streamNames) {
      const messages = await api.journal.load(stream, '>');
      texts.push(
        ...messages.map(
          (message) =>
            `${new TextDecoder().decode(message.body)} ${message.subject} ${message.header('ce-id')} ${message.header('wb-digest')} ${message.header('wb-delivery')}`,
        ),
      );
    }
    const everything = texts.join('\n');
    expect(everything).toContain('$sealed');
    expect(everything).toContain('[sealed]');
    for (const secret of [canary, short])
      for (const form of [
        secret,
        Buffer.from(secret).toString('base64').replace(/=+$/, ''),
        Buffer.from(secret).toString('base64url'),
        Buffer.from(secret).toString('hex'),
      ])
        expect(everything.toLowerCase()).not.toContain(form.toLowerCase());
  });

  it('open again only for their own run and field', async () => {
    const { runId } = await answered(api.post('/runs', { jobs, secrets: { A: 'value-of-a' } }));
    const { secrets } = parseJson((await storedRequest(runId)).body) as {
      secrets: { $sealed: string };
    };
    await expect(
      open(api.ring, secrets, { org: ORG, run: runId, field: 'secrets' }),
    ).resolves.toEqual({ A: 'value-of-a' });
    await expect(
      open(api.ring, secrets, { org: ORG, run: `${runId}0`, field: 'secrets' }),
    ).rejects.toThrow('another place');
  });
});

describe('a trigger over HTTP', () => {
  it('is stored with its data as it came, and can be read at once', async () => {
    const answer = await api.post(
      '/triggers',
      '{"source":"cron","type":"nightly","id":"n-1","data": {"big":12345678901234567890} }',
    );
    expect(answer.status).toBe(202);
    const { triggerId, ...rest } = await answered(answer);
    expect(rest).toMatchObject({ duplicate: false, decision: null, runs: [] });
    const message = await api.journal.last(
      'WB_TRIGGERS',
      subjects.trigger(ORG, 'cron', triggerId, 'received'),
    );
    expect(new TextDecoder().decode(message?.body)).toBe('{"big":12345678901234567890}');
    const read = await answered(api.call(`/v1/orgs/${ORG}/triggers/${triggerId}`));
    expect(read).toMatchObject({
      triggerId,
      org: ORG,
      source: 'cron',
      kind: 'manual',
      event: 'nightly',
      deliveryId: 'n-1',
      decision: null,
      runs: [],
    });
  });

  it('repeats by id with 409 for another body, by key with 422', async () => {
    const send = (value: object, headers = {}) =>
      api.post('/triggers', { source: 'shop', type: 'order', data: 1, ...value }, headers);
    expect((await send({ id: 'o-1' })).status).toBe(202);
    expect(await answered(send({ id: 'o-1' }))).toMatchObject({ duplicate: true });
    expect((await send({ id: 'o-1', data: 2 })).status).toBe(409);
    expect((await send({ id: 'o-1', type: 'other' })).status).toBe(409);
    const key = { 'idempotency-key': 'o-1' };
    expect(await answered(send({}, key))).toMatchObject({ duplicate: false });
    expect(await answered(send({}, key))).toMatchObject({ duplicate: true });
    expect((await send({ data: null }, key)).status).toBe(422);
  });

  it('may not use the source of runs that are asked for, nor one that is no token', async () => {
    const reserved = await api.post('/triggers', { source: 'api', type: 'run', data: {} });
    expect(reserved.status).toBe(400);
    expect(await answered(reserved)).toMatchObject({ code: 'source-reserved' });
    const bad = await api.post('/triggers', { source: 'a.b', type: '', extra: 1 });
    expect((await answered(bad)).errors.map((error) => error.path).sort()).toEqual([
      'data',
      'extra',
      'source',
      'type',
    ]);
  });
});

describe('what a run reaches other places with', () => {
  it('is sealed together before anything is stored, and shown to nobody', async () => {
    const canary = 'credential-canary-7a6b5c';
    const credentials = {
      sourceAuth: { kind: 'basic', secret: canary },
      npmRegistries: [{ url: 'https://npm.example.org', alwaysAuth: false, token: canary }],
      installEnvSecrets: { NPM_TOKEN: canary },
      namespacedSecrets: { prod: { KEY: canary } },
    };
    const answer = await api.post('/runs', { jobs, secrets: { A: 'x' }, ...credentials });
    expect(answer.status).toBe(201);
    const { runId } = await answered(answer);
    const message = await storedRequest(runId);
    const text = Buffer.from(message.body).toString();
    expect(text).not.toContain(canary);
    const stored = parseJson(message.body) as { credentials: Sealed };
    const place = { org: ORG, run: runId, field: 'credentials' };
    expect(await open(api.ring, stored.credentials, place)).toEqual(credentials);
    expect(Object.keys(stored).toSorted()).toEqual(['credentials', 'jobs', 'secrets']);
    const refused = await api.post('/runs', { jobs, sourceAuth: { kind: 'ssh', user: canary } });
    expect(refused.status).toBe(400);
    expect(await refused.text()).not.toContain(canary);
    expect(api.logged()).not.toContain(canary);
  });

  it('is sealed too where the password stands in the address', async () => {
    const canary = 'address-canary-9d8e7f';
    const repoUrl = `https://me:${canary}@git.example.org/acme/shop.git`;
    const { runId } = await answered(api.post('/runs', { jobs, repoUrl }));
    const message = await storedRequest(runId);
    expect(Buffer.from(message.body).toString()).not.toContain(canary);
    const stored = parseJson(message.body) as { credentials: Sealed; repoUrl: string };
    expect(stored.repoUrl).toBe('https://git.example.org/acme/shop.git');
    const place = { org: ORG, run: runId, field: 'credentials' };
    expect(await open(api.ring, stored.credentials, place)).toEqual({
      sourceAuth: { kind: 'basic', user: 'me', secret: canary },
    });
    expect(api.logged()).not.toContain(canary);
  });
});
