/** Proofs of what an agent is given and told to end: the dispatch with every field, and the cancel. */
import { sealRunOutput } from '@waybill/process';
import { wireSamples } from '@waybill/protocol/samples';
import { expect, it } from 'vitest';
import { digestOf, put } from './blob.ts';
import type { World } from './field-world.fixture.ts';
import { end, withJob } from './held-job.ts';
import { hasFields } from './read-back.ts';

const REPO = 'https://git.example.net/acme/shop.git';
/** Of a dispatch that is never sent: each has a reason in the list of proofs. */
const NOT_SENT = ['token', 'orgId', 'repoId', 'cacheRefScope'];

export function dispatchProofs(world: () => World): void {
  it('job.dispatch carries every field that Waybill fills', async () => {
    const builder = await withJob(world(), 'builder', { repoUrl: REPO });
    for (const [cacheType, content] of [
      ['source', 'source'],
      ['deps', 'deps'],
    ] as const) {
      const of = { jobId: builder.taken.job.jobId, cacheType, platform: 'linux', arch: 'x64' };
      const by = cacheType === 'source' ? { contentHash: 'c0ffee' } : { lockfileHash: 'beef' };
      builder.peer.send({ type: 'cache.upload.request', messageId: content, ...of, ...by });
      await put((await builder.peer.next('cache.upload.response'))['uploadUrl'], content);
      builder.peer.send({ type: 'cache.upload.complete', messageId: content, ...of, ...by });
      await world().fact(builder.taken.job.runId, 'cache.stored', ({ kind }) => kind === cacheType);
    }
    builder.peer.send(end(builder.taken));

    const sample = wireSamples['job.dispatch'];
    const { peer, taken } = await withJob(world(), 'dispatched', {
      repoUrl: REPO,
      ref: sample.ref,
      sha: sample.sha,
      secrets: sample.secrets,
      namespacedSecrets: sample.namespacedSecrets,
      sourceAuth: sample.sourceAuth,
      workflowAuth: sample.workflowAuth,
      npmRegistries: sample.npmRegistries,
      installEnvSecrets: sample.installEnvSecrets,
      jobs: [
        { name: 'build', runsOn: ['dispatched'], config: {} },
        {
          name: 'test',
          runsOn: ['dispatched'],
          needs: ['build'],
          maxLogSizeBytes: sample.maxLogSizeBytes,
          config: { contentHash: 'c0ffee', lockfileHash: 'beef', own: [1] },
        },
      ],
    });
    const publicKey = String(taken.dispatch['runPublicKey']);
    const { runId } = taken.job;
    const place = { runId, jobId: taken.job.jobId, name: 'URL' };
    const URL = await sealRunOutput(publicKey, place, 'https://example.net/secret');
    const outputs = { image: 'shop:1' };
    const last = { data: { outputs }, secretOutputs: { URL } };
    peer.send({ ...end(taken, last), type: 'job.status' });
    const { dispatch } = await world().take(peer);
    hasFields(
      dispatch,
      Object.keys(dispatch).filter((field) => field !== 'type'),
      NOT_SENT,
    );
    const { requestId } = await world().run(runId);
    expect(dispatch).toMatchObject({
      runId,
      repoUrl: REPO,
      ref: sample.ref,
      sha: sample.sha,
      lockFileUrl: '',
      jobConfig: { own: [1] },
      secrets: sample.secrets,
      maxLogSizeBytes: sample.maxLogSizeBytes,
      sourceTarHash: 'c0ffee',
      depsHash: digestOf('deps'),
      requestId,
      runPublicKey: publicKey,
      upstreamJobOutputs: { build: { ...outputs, URL: 'https://example.net/secret' } },
      upstreamJobStatuses: { build: 'success' },
      namespacedSecrets: {
        ...sample.namespacedSecrets,
        'needs.build': { URL: 'https://example.net/secret' },
      },
      sourceAuth: sample.sourceAuth,
      workflowAuth: sample.workflowAuth,
      npmRegistries: sample.npmRegistries,
      installEnvSecrets: sample.installEnvSecrets,
      attempt: 1,
    });
    for (const [url, content] of [
      [dispatch['sourceTarUrl'], 'source'],
      [dispatch['depsUrl'], 'deps'],
    ])
      expect(await (await fetch(String(url))).text()).toBe(content);
    const offer = await world().fact(runId, 'job.offered', ({ jobId }) => jobId !== place.jobId);
    expect(dispatch).toMatchObject({
      messageId: `${String(offer.body['jobId'])}.1.${String(offer.body['fence'])}`,
      jobId: offer.body['jobId'],
      fence: offer.body['fence'],
    });
    expect(dispatch['traceparent']).toMatch(/^00-/);
    expect(dispatch['timestamp']).toBeGreaterThan(1_700_000_000_000);
  });

  it('job.cancel tells the agent which job, why, and whether to hurry', async () => {
    const { peer, taken } = await withJob(world(), 'cancelled', { cancelGraceMs: 1_000 });
    const { runId } = taken.job;
    await world().api('POST', `/runs/${runId}/cancel`, { reason: 'superseded' });
    const asked = await peer.next('job.cancel');
    const forced = await peer.next('job.cancel');
    hasFields(forced, ['messageId', 'runId', 'jobId', 'reason', 'force']);
    expect(asked).toMatchObject({ ...taken.job });
    expect(asked['force'] ?? false).toBe(false);
    expect(forced).toMatchObject({ ...taken.job, force: true });
    expect(asked['reason']).toBe('cancelled: superseded');
    expect(forced['messageId']).not.toBe(asked['messageId']);
    peer.send(end(taken, { state: 'cancelled' }));
    await world().run(runId, ({ state }) => state === 'cancelled');
  });
}
