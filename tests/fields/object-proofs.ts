/** Proofs of the handshakes around the object store: build caches, a user’s cache, provenance. */
import { wireSamples } from '@waybill/protocol/samples';
import { expect, it } from 'vitest';
import { digestOf, put } from './blob.ts';
import type { World } from './field-world.fixture.ts';
import { withJob } from './held-job.ts';
import { hasFields, readsBack } from './read-back.ts';

const REPO = 'https://git.example.net/acme/caches.git';

export function objectProofs(world: () => World): void {
  it('cache.upload.request and cache.upload.complete make a build cache that is found by what they say', async () => {
    const { peer, taken } = await withJob(world(), 'cacher', { repoUrl: REPO });
    const { runId, jobId } = taken.job;
    const source = {
      ...wireSamples['cache.upload.request'],
      messageId: 'cache-source',
      jobId,
      cacheType: 'source',
      contentHash: 'feed',
    };
    const deps = { ...wireSamples['cache.upload.request'], jobId, lockfileHash: 'cafe' };
    for (const request of [source, deps]) {
      peer.send(request);
      const place = await peer.next('cache.upload.response');
      hasFields(place, ['requestId', 'uploadUrl']);
      expect(place['requestId']).toBe(request.messageId);
      await put(place['uploadUrl'], request.cacheType);
      const { messageId: _, ...about } = request;
      peer.send({
        ...about,
        type: 'cache.upload.complete',
        messageId: 'done',
        ...(request === deps ? { depsHash: digestOf('deps') } : {}),
      });
    }
    const dep = (await world().fact(runId, 'cache.stored', ({ kind }) => kind === 'deps')).body;
    const src = (await world().fact(runId, 'cache.stored', ({ kind }) => kind === 'source')).body;
    const [lockfileHash, platform, arch] = String(dep['key']).split('-');
    const read = {
      jobId: (await world().run(runId)).jobs[0]?.['jobId'],
      cacheType: dep['kind'],
      lockfileHash,
      platform,
      arch,
    };
    expect(src['key']).toBe(source.contentHash);
    readsBack(deps, { messageId: deps.messageId, ...read, contentHash: deps.contentHash });
    readsBack(
      { ...deps, type: 'cache.upload.complete', depsHash: digestOf('deps') },
      { ...read, contentHash: deps.contentHash, depsHash: dep['sha256'] },
      ['messageId'],
    );
    // Only for its own platform and arch; a lie about the bytes is not kept.
    peer.send({ ...deps, messageId: 'lie', lockfileHash: 'dead' });
    await put((await peer.next('cache.upload.response'))['uploadUrl'], 'what came');
    const lie = { ...wireSamples['cache.upload.complete'], jobId, lockfileHash: 'dead' };
    peer.send({ ...lie, depsHash: digestOf('what was said') });
    peer.send({
      type: 'job.status',
      messageId: 'end',
      ...taken.job,
      state: 'success',
      timestamp: 1,
    });
    await world().run(runId, ({ state }) => state === 'success');
    const kept = (await world().facts(runId)).filter(({ type }) => type === 'cache.stored');
    expect(kept).toHaveLength(2);
  });

  it('cache.user.save.request, cache.user.save.complete and cache.user.restore.request save and find by key and restoreKeys', async () => {
    const { peer, taken } = await withJob(world(), 'saver', { repoUrl: REPO });
    const { runId, jobId } = taken.job;
    const content = 'saved';
    const ask = { ...wireSamples['cache.user.save.request'], jobId };
    peer.send(ask);
    const place = await peer.next('cache.user.save.response');
    hasFields(place, ['requestId', 'uploadUrl', 'skip']);
    await put(place['uploadUrl'], content);
    const done = {
      ...wireSamples['cache.user.save.complete'],
      jobId,
      tarHash: digestOf(content),
      sizeBytes: content.length,
    };
    peer.send(done);
    const { body } = await world().fact(runId, 'cache.stored');
    const own = (await world().run(runId)).jobs[0]?.['jobId'];
    readsBack(ask, { messageId: place['requestId'], jobId: own, key: body['key'] });
    readsBack(
      done,
      { jobId: own, key: body['key'], tarHash: body['sha256'], sizeBytes: body['sizeBytes'] },
      ['messageId'],
    );
    peer.send(ask);
    expect(await peer.next('cache.user.save.response')).toMatchObject({ skip: true });

    const find = { ...wireSamples['cache.user.restore.request'], jobId, key: 'deps-linux-other' };
    peer.send(find);
    const hit = await peer.next('cache.user.restore.response');
    hasFields(hit, ['requestId', 'hit', 'matchedKey', 'downloadUrl', 'tarHash']);
    expect(hit).toMatchObject({ hit: true, matchedKey: ask.key, tarHash: digestOf(content) });
    expect(await (await fetch(String(hit['downloadUrl']))).text()).toBe(content);
    const asked = (await world().fact(runId, 'cache.restored')).body;
    readsBack(find, {
      messageId: hit['requestId'],
      jobId: own,
      key: asked['key'],
      restoreKeys: find.restoreKeys?.filter((prefix) =>
        String(asked['matchedKey']).startsWith(prefix),
      ),
    });
    const { restoreKeys: _, ...exact } = find;
    peer.send(exact);
    expect(await peer.next('cache.user.restore.response')).toMatchObject({ hit: false });
  });

  it('provenance.upload.request and provenance.upload.complete leave an attestation that is found by its digest', async () => {
    const { peer, taken } = await withJob(world(), 'prover', { repoUrl: REPO });
    const { runId, jobId } = taken.job;
    const ask = { ...wireSamples['provenance.upload.request'], jobId };
    peer.send(ask);
    const place = await peer.next('provenance.upload.response');
    hasFields(place, ['requestId', 'uploadUrl']);
    await put(place['uploadUrl'], '{}');
    const done = { ...wireSamples['provenance.upload.complete'], jobId };
    peer.send(done);
    const { body } = await world().fact(runId, 'provenance.stored');
    const own = (await world().run(runId)).jobs[0]?.['jobId'];
    readsBack(ask, {
      messageId: place['requestId'],
      jobId: own,
      subjectDigest: body['subjectDigest'],
    });
    readsBack(
      done,
      {
        jobId: own,
        subjectName: body['subjectName'],
        subjectDigest: body['subjectDigest'],
        mediaType: body['mediaType'],
      },
      ['messageId'],
    );
    await expect
      .poll(() => world().api('GET', `/provenance/${ask.subjectDigest}`).catch(String), {
        timeout: 10_000,
      })
      .toMatchObject({
        items: [{ runId, subjectName: done.subjectName, mediaType: done.mediaType }],
      });
  });
}
