import { createHash } from 'node:crypto';
import { startTestServers } from '@waybill/embedded';
import { runPublicKey, sealRunOutput } from '@waybill/process';
import type { RunCreated } from '@waybill/protocol';
import { allSubjects } from '@waybill/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type Frame,
  type PlainAgent,
  registerAgent,
} from '../../../../tests/support/plain-agent.ts';
import { type LogWorld, openLogWorld, type RunOptions, type TestRun } from './log-world.fixture.ts';
import { type ObjectStore, openObjectStore } from './object-store.fixture.ts';

let servers: Awaited<ReturnType<typeof startTestServers>>;
let world: LogWorld;
let store: ObjectStore;
let url: string;

beforeAll(async () => {
  servers = await startTestServers({ postgres: false });
});
afterAll(async () => {
  await servers.stop();
});
beforeEach(async () => {
  world = await openLogWorld(servers.nats);
  store = await openObjectStore(world);
  ({ url } = await world.gateway({ publicUrl: store.url }));
});
afterEach(async () => {
  await world.close();
  await store.stop();
});

const timestamp = 1_700_000_000_000;
const repository = 'https://example.org/a/b';
const trusted: Partial<RunCreated> = { repoUrl: repository, repository };
const fork: Partial<RunCreated> = {
  ...trusted,
  trust: 'fork',
  event: { pull_request: { head: { repo: { clone_url: 'https://example.org/x/b.git' } } } },
};
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const put = async (to: unknown, body: string): Promise<number> =>
  (await fetch(String(to), { method: 'PUT', body })).status;
const got = async (from: unknown): Promise<string> => (await fetch(String(from))).text();

type Job = Readonly<{ runId: string; jobId: string }>;
type Started = Readonly<{ run: TestRun; agent: PlainAgent; job: Job; dispatch: Frame }>;
let agents = 0;

async function started(o: RunOptions = { created: trusted }, index = 0): Promise<Started> {
  const run = await world.run(o);
  return begun(run, index);
}

async function begun(run: TestRun, index = 0): Promise<Started> {
  agents += 1;
  const agentId = `agent-${agents}`;
  const agent = await registerAgent(url, { agentId, host: { platform: 'linux', arch: 'x64' } });
  await run.offer({ agentId, session: await world.session(agentId), job: index });
  const dispatch = await agent.next('job.dispatch');
  const job = { runId: run.runId, jobId: run.wireId(1, index) };
  agent.send({ type: 'job.ack', messageId: 'ack', ...job, timestamp });
  return { run, agent, job, dispatch };
}

const end = (job: Job, more: object = {}) => ({
  type: 'job.status',
  messageId: 'end',
  ...job,
  state: 'success',
  timestamp,
  ...more,
});

async function save({ agent, job: { jobId } }: Started, key: string, content: string) {
  agent.send({ type: 'cache.user.save.request', messageId: `s-${key}`, jobId, key });
  const { skip, uploadUrl } = await agent.next('cache.user.save.response');
  if (skip === true) return 'skip';
  const status = await put(uploadUrl, content);
  agent.send({
    type: 'cache.user.save.complete',
    messageId: `c-${key}`,
    jobId,
    key,
    tarHash: sha256(content),
    sizeBytes: content.length,
  });
  return status;
}

async function restore(
  { agent, job: { jobId } }: Started,
  key: string,
  restoreKeys: string[] = [],
) {
  agent.send({ type: 'cache.user.restore.request', messageId: 'r', jobId, key, restoreKeys });
  return agent.next('cache.user.restore.response');
}

describe('a user’s cache', () => {
  it('that one run saves is what the next restores: the exact key, else the newest of the first prefix that fits', async () => {
    const first = await started();
    expect(await save(first, 'npm-1', 'one')).toBe(200);
    await first.run.has('cache.stored');
    expect(await save(first, 'npm-2', 'two')).toBe(200);
    await first.run.has('cache.stored', 2);
    const next = await started();
    const exact = await restore(next, 'npm-1', ['npm-']);
    expect(exact).toMatchObject({ hit: true, matchedKey: 'npm-1', tarHash: sha256('one') });
    expect(await got(exact['downloadUrl'])).toBe('one');
    const newest = await restore(next, 'npm-3', ['other-', 'npm-']);
    expect(newest).toMatchObject({ hit: true, matchedKey: 'npm-2' });
    expect(await got(newest['downloadUrl'])).toBe('two');
    expect(await restore(next, 'pip-1')).toEqual({
      type: 'cache.user.restore.response',
      requestId: 'r',
      hit: false,
    });
    expect((await next.run.has('cache.restored', 3)).body).toEqual({
      key: 'pip-1',
      matchedKey: null,
    });
    expect(await save(next, 'npm-1', 'another')).toBe('skip');
    expect((await next.run.fold()).anomalies).toBe(0);
  });

  it('of a fork is seen by no trusted run, nor the other way round', async () => {
    const mine = await started();
    await save(mine, 'k', 'mine');
    await mine.run.has('cache.stored');
    const theirs = await started({ created: fork });
    expect(await restore(theirs, 'k', ['k'])).toMatchObject({ hit: false });
    expect(await save(theirs, 'k', 'poison')).toBe(200);
    await theirs.run.has('cache.stored');
    expect(await got((await restore(theirs, 'k'))['downloadUrl'])).toBe('poison');
    const after = await started();
    expect(await got((await restore(after, 'k'))['downloadUrl'])).toBe('mine');
  });

  it('that is not what its agent says of it is not kept, and nothing says that it is', async () => {
    const one = await started();
    const { jobId } = one.job;
    one.agent.send({ type: 'cache.user.save.request', messageId: 's', jobId, key: 'k' });
    await put((await one.agent.next('cache.user.save.response'))['uploadUrl'], 'what came');
    const said = { key: 'k', tarHash: sha256('what was said'), sizeBytes: 9 };
    one.agent.send({ type: 'cache.user.save.complete', messageId: 'c', jobId, ...said });
    expect(await restore(one, 'k')).toMatchObject({ hit: false });
    expect(await one.run.types()).not.toContain('cache.stored');
  });

  it('is stored in its run before the last word of its job, though verifying it takes its time', async () => {
    const one = await started();
    await save(one, 'k', 'content');
    one.agent.send(end(one.job));
    await one.run.jobState('success');
    const types = await one.run.types();
    expect(types.indexOf('cache.stored')).toBeLessThan(types.lastIndexOf('job.status'));
    expect((await one.run.fold()).anomalies).toBe(0);
  });

  it('is nobody’s to ask for behind the end of its job, or for a job of somebody else', async () => {
    const one = await started();
    one.agent.send(end(one.job));
    await one.run.jobState('success');
    expect(await restore(one, 'k')).toMatchObject({ hit: false });
    const two = await started();
    const stranger = { ...two, agent: one.agent };
    expect(await restore(stranger, 'k')).toMatchObject({ hit: false });
    expect(await save(stranger, 'k', 'x').catch(() => 'no place')).toBe('no place');
    await world.hasAgent('agent-' + (agents - 1), 'violation');
    expect(await two.run.types()).not.toContain('cache.restored');
  });
});

describe('a build’s caches', () => {
  it('are found by the next dispatch that names them, for its own kind of host', async () => {
    const one = await started();
    const { jobId } = one.job;
    const about = { jobId, platform: 'linux', arch: 'x64' };
    const source = { ...about, cacheType: 'source', contentHash: 'abc' };
    const deps = { ...about, cacheType: 'deps', lockfileHash: 'lock' };
    for (const [what, content] of [
      [source, 'the source'],
      [deps, 'the deps'],
    ] as const) {
      one.agent.send({ type: 'cache.upload.request', messageId: 'q', ...what });
      await put((await one.agent.next('cache.upload.response'))['uploadUrl'], content);
      const depsHash = what === deps ? { depsHash: sha256(content) } : {};
      one.agent.send({ type: 'cache.upload.complete', messageId: 'c', ...what, ...depsHash });
    }
    await one.run.has('cache.stored', 2);
    // There already: an agent that exists would fail over an empty address.
    one.agent.send({ type: 'cache.upload.request', messageId: 'q', ...source });
    expect(await put((await one.agent.next('cache.upload.response'))['uploadUrl'], 'x')).toBe(200);

    const config = { name: 'build', contentHash: 'abc', lockfileHash: 'lock' };
    const next = await started({ created: trusted, job: () => ({ config }) });
    expect(next.dispatch).toMatchObject({ sourceTarHash: 'abc', depsHash: sha256('the deps') });
    expect(await got(next.dispatch['sourceTarUrl'])).toBe('the source');
    expect(await got(next.dispatch['depsUrl'])).toBe('the deps');
    const foreign = await started({ created: fork, job: () => ({ config }) });
    expect(foreign.dispatch['sourceTarUrl']).toBeUndefined();
    expect(foreign.dispatch['depsUrl']).toBeUndefined();
    const addresses = [next.dispatch['sourceTarUrl'], next.dispatch['depsUrl']].map(String);
    for (const address of addresses) expect(world.logged()).not.toContain(address);
  });
});

describe('what a job leaves behind', () => {
  const complete = (job: Job, name: string, content: string) => ({
    type: 'artifact.upload.complete',
    messageId: `c-${name}`,
    ...job,
    timestamp,
    name,
    sha256: sha256(content),
    sizeBytes: content.length,
    mediaType: 'text/plain',
  });

  it('is verified, has an address in its run, and is told to its agent', async () => {
    const { run, agent, job } = await started();
    agent.send({ type: 'artifact.upload.request', messageId: 'q', ...job, name: 'out/report.txt' });
    await put((await agent.next('artifact.upload.response'))['uploadUrl'], 'fine');
    agent.send(complete(job, 'out/report.txt', 'fine'));
    const uri = `artifact://exec/${run.runId}/out/report.txt`;
    expect(await agent.next('artifact.upload.result')).toEqual({
      type: 'artifact.upload.result',
      requestId: 'c-out/report.txt',
      uri,
    });
    expect((await run.job()).artifacts).toEqual([
      {
        name: 'out/report.txt',
        uri,
        sha256: sha256('fine'),
        sizeBytes: 4,
        mediaType: 'text/plain',
      },
    ]);
    agent.send({ type: 'artifact.upload.request', messageId: 'q', ...job, name: 'out/report.txt' });
    expect((await agent.next('artifact.upload.response'))['error']).toContain('that name');
  });

  it('is not kept where it is not what was said', async () => {
    const { run, agent, job } = await started();
    agent.send({ type: 'artifact.upload.request', messageId: 'q', ...job, name: 'a' });
    await put((await agent.next('artifact.upload.response'))['uploadUrl'], 'bad');
    agent.send(complete(job, 'a', 'good'));
    expect((await agent.next('artifact.upload.result'))['error']).toContain('not kept');
    expect(await run.types()).not.toContain('artifact.stored');
  });

  it('may be an attestation, whose fact names the digest of what it attests', async () => {
    const { run, agent, job } = await started();
    const about = { jobId: job.jobId, subjectDigest: sha256('thing') };
    agent.send({ type: 'provenance.upload.request', messageId: 'q', ...about });
    await put((await agent.next('provenance.upload.response'))['uploadUrl'], '{}');
    const named = { subjectName: 'thing.tgz', mediaType: 'application/json' };
    agent.send({ type: 'provenance.upload.complete', messageId: 'c', ...about, ...named });
    const { body } = await run.has('provenance.stored');
    expect(body).toMatchObject({ ...named, subjectDigest: sha256('thing'), sha256: sha256('{}') });
  });

  it('has no place where there is no storage, and every request is answered all the same', async () => {
    const bare = await world.gateway({ id: 'bare' });
    const agent = await registerAgent(bare.url, { agentId: 'z' });
    const run = await world.run();
    await run.offer({ agentId: 'z', session: await world.session('z') });
    await agent.next('job.dispatch');
    const job = { runId: run.runId, jobId: run.wireId() };
    agent.send({ type: 'job.ack', messageId: 'ack', ...job, timestamp });
    agent.send({ type: 'artifact.upload.request', messageId: 'q', ...job, name: 'a' });
    const digest = { jobId: job.jobId, subjectDigest: 'ab' };
    agent.send({ type: 'provenance.upload.request', messageId: 'p', ...digest });
    agent.send({ type: 'cache.user.save.request', messageId: 's', jobId: job.jobId, key: 'k' });
    expect(await agent.next('artifact.upload.response')).toMatchObject({ uploadUrl: '' });
    expect(await agent.next('provenance.upload.response')).toMatchObject({ uploadUrl: '' });
    expect(await agent.next('cache.user.save.response')).toMatchObject({ uploadUrl: '' });
  });
});

describe('what a dispatch is given', () => {
  it('has the run’s credentials in the frame and nowhere else', async () => {
    const canary = 'canary-0a1b2c3d4e';
    const credentials = {
      sourceAuth: { kind: 'basic', user: 'x-access-token', secret: canary },
      npmRegistries: [{ url: 'https://npm.example.org', alwaysAuth: true, token: canary }],
      installEnvSecrets: { NPM_TOKEN: canary },
      namespacedSecrets: { prod: { KEY: canary } },
    };
    const { run, agent, job, dispatch } = await started({ created: trusted, credentials });
    expect(dispatch).toMatchObject(credentials);
    agent.send(end(job));
    await run.jobState('success');
    for (const [stream, filter] of [
      ['WB_RUNS', allSubjects.runs],
      ['WB_AGENTS', allSubjects.agents],
    ] as const) {
      const stored = await world.stored(stream, filter);
      const text = stored.map(({ body }) => new TextDecoder().decode(body)).join('\n');
      expect(text).not.toContain(canary);
    }
    expect(world.logged()).not.toContain(canary);
  });

  it('has nothing for the installation of a stranger’s code', async () => {
    const sourceAuth = { kind: 'basic', secret: 'for-the-clone' } as const;
    const npmRegistries = [
      { url: 'https://npm.example.org', alwaysAuth: true, token: 'npm-token' },
    ];
    const credentials = {
      sourceAuth,
      npmRegistries,
      installEnvSecrets: { NPM_TOKEN: 'npm-token' },
    };
    const { dispatch } = await started({ created: fork, credentials });
    expect(dispatch).toMatchObject({ sourceAuth, npmRegistries: [] });
    expect(dispatch).not.toHaveProperty('installEnvSecrets');
  });

  it('has the secret outputs of the jobs before it, which lie in the log as ciphertext', async () => {
    const canary = 'canary-secret-output';
    const run = await world.run({
      jobs: 2,
      created: trusted,
      job: (index) => (index === 1 ? { needs: [{ job: 'job 0', on: ['success'] }] } : {}),
    });
    const one = await begun(run);
    const publicKey = String(one.dispatch['runPublicKey']);
    expect(publicKey).toBe(await runPublicKey(world.ring, { org: world.org, runId: run.runId }));
    const place = { runId: run.runId, jobId: run.jobId(0), name: 'TOKEN' };
    const TOKEN = await sealRunOutput(publicKey, place, canary);
    const garbage = { agentPublicKey: 'x', encrypted: 'y' };
    one.agent.send(
      end(one.job, { data: { outputs: { plain: 1 } }, secretOutputs: { TOKEN, OTHER: garbage } }),
    );
    await run.jobState('success');
    const { body } = await run.has('job.status');
    expect(body).toMatchObject({ secretOutputs: { TOKEN } });
    await run.decide('job.queued', { jobId: run.jobId(1) });
    const two = await begun(run, 1);
    expect(two.dispatch).toMatchObject({
      upstreamJobOutputs: { 'job 0': { plain: 1, TOKEN: canary } },
      namespacedSecrets: { 'needs.job 0': { TOKEN: canary } },
    });
    const all = await world.stored('WB_RUNS', allSubjects.runs);
    expect(all.map((each) => new TextDecoder().decode(each.body)).join()).not.toContain(canary);
    expect(world.logged()).not.toContain(canary);
  });
});
