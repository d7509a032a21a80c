/** Proofs of what agents tell of their work and leave behind: usage, conversations, contexts, workspaces, artifacts. */
import { eventually } from '@waybill/process/testing';
import { wireSamples } from '@waybill/protocol/samples';
import { expect, it } from 'vitest';
import { digestOf, put } from './blob.ts';
import type { Json, World } from './field-world.fixture.ts';
import { echoOf, withJob } from './held-job.ts';
import { hasFields, readsBack } from './read-back.ts';

const SAMPLES = wireSamples as Readonly<Record<string, Json>>; // by type, which is only known at run time here

export function workProofs(world: () => World): void {
  const held = ['messageId', 'runId', 'jobId', 'timestamp', 'attempt', 'fence'];

  it.each([
    [
      'conversation.status',
      'conversation.reported',
      [
        'conversationId',
        'state',
        'gen_ai.agent.name',
        'gen_ai.agent.version',
        'gen_ai.provider.name',
        'gen_ai.request.model',
        'turns',
        'reason',
      ],
    ],
    [
      'context.bundle',
      'context.reported',
      [
        'bundleId',
        'digest',
        'sizeBytes',
        'tokens',
        'conversationId',
        'sources',
        'redactions',
        'uri',
      ],
    ],
    [
      'workspace.ref',
      'workspace.reported',
      ['workspaceId', 'kind', 'uri', 'ref', 'sha', 'access', 'attributes'],
    ],
  ])('%s stands in the run with every field, as %s', async (type, fact, fields) => {
    const { peer, taken } = await withJob(world(), `teller-${type.replace('.', '-')}`);
    const said = { ...SAMPLES[type], type, ...echoOf(taken) };
    peer.send(said);
    const { body } = await world().fact(taken.job.runId, fact);
    readsBack(said, Object.fromEntries([...held, ...fields].map((field) => [field, body[field]])));
  });

  it('usage.report is kept with every field of its entries, summed, priced, and answered with usage.ack', async () => {
    const { peer, taken } = await withJob(world(), 'spender');
    const { runId } = taken.job;
    const said = { ...wireSamples['usage.report'], ...echoOf(taken) };
    peer.send(said);
    const ack = await peer.next('usage.ack');
    hasFields(ack, ['messageId', 'runId', 'jobId']);
    const { body } = await world().fact(runId, 'usage.reported');
    readsBack(said, {
      messageId: ack['messageId'],
      runId: ack['runId'],
      jobId: ack['jobId'],
      timestamp: body['timestamp'],
      entries: body['entries'],
      attempt: body['attempt'],
      fence: body['fence'],
    });
    const run = await world().run(runId);
    expect(run).toMatchObject({
      costUsd: 0.0123,
      usage: { modelCalls: 1, inputTokens: 1_200, outputTokens: 340 },
    });
    const { items } = await eventually(
      async () => {
        const answer = await world().api('GET', `/runs/${runId}/usage`);
        return JSON.stringify(answer['items']) !== '[]' && answer;
      },
      { what: 'the row of what was used', withinMs: 10_000 },
    );
    expect(items).toMatchObject([
      {
        kind: 'model_call',
        costUsd: 0.0123,
        inputTokens: 1_200,
        outputTokens: 340,
        cacheReadInputTokens: 800,
        cacheCreationInputTokens: 100,
        reasoningOutputTokens: 200,
      },
    ]);
  });

  it('artifact.upload.request and artifact.upload.complete leave an artifact with every field, at its address', async () => {
    const { peer, taken } = await withJob(world(), 'maker');
    const { runId } = taken.job;
    const content = 'what was made';
    const about = { sizeBytes: content.length, mediaType: 'text/markdown' };
    const { timestamp: _, ...held } = { ...echoOf(taken), timestamp: 1 };
    const request = { ...wireSamples['artifact.upload.request'], ...held, ...about };
    peer.send(request);
    const place = await peer.next('artifact.upload.response');
    hasFields(place, ['requestId', 'uploadUrl'], ['error']);
    await put(place['uploadUrl'], content);
    const complete = {
      ...wireSamples['artifact.upload.complete'],
      ...held,
      ...about,
      sha256: digestOf(content),
    };
    peer.send(complete);
    const result = await peer.next('artifact.upload.result');
    hasFields(result, ['requestId', 'uri'], ['error']);
    const { body } = await world().fact(runId, 'artifact.stored');
    readsBack(
      complete,
      {
        messageId: result['requestId'],
        name: body['name'],
        sha256: body['sha256'],
        sizeBytes: body['sizeBytes'],
        mediaType: body['mediaType'],
        stepIndex: body['stepIndex'],
        attributes: body['attributes'],
        runId: String(result['uri']).split('/')[3],
        jobId: (await world().run(runId)).jobs[0]?.['jobId'],
      },
      ['timestamp', 'attempt', 'fence'],
    );
    readsBack(
      request,
      {
        messageId: place['requestId'],
        name: body['name'],
        runId: String(result['uri']).split('/')[3],
        jobId: (await world().run(runId)).jobs[0]?.['jobId'],
      },
      ['sizeBytes', 'mediaType', 'attempt', 'fence'],
    );
    // A second one of the name has no place, a lie about the bytes no address.
    peer.send(request);
    const second = await peer.next('artifact.upload.response');
    expect(second['uploadUrl']).toBe('');
    expect(second['error']).toContain('that name');
    peer.send({ ...complete, name: 'never-uploaded' });
    expect((await peer.next('artifact.upload.result'))['error']).toContain('not kept');
  });

  it('artifact frames with another attempt or fence than the dispatch are taken for the attempt that holds the job', async () => {
    const { peer, taken } = await withJob(world(), 'mistaken');
    const request = { ...wireSamples['artifact.upload.request'], ...taken.job };
    peer.send({ ...request, sizeBytes: 1, mediaType: 'x/y', attempt: 9, fence: 1 });
    const place = await peer.next('artifact.upload.response');
    await put(place['uploadUrl'], 'much more than one byte');
    const complete = {
      ...wireSamples['artifact.upload.complete'],
      ...taken.job,
      attempt: 9,
      fence: 1,
      timestamp: 1,
    };
    const content = 'much more than one byte';
    peer.send({ ...complete, sha256: digestOf(content), sizeBytes: content.length });
    expect(await peer.next('artifact.upload.result')).toHaveProperty('uri');
  });
}
