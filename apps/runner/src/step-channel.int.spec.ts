import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { JobAborted, RequestFailed } from '@waybill/agent';
import { eventually } from '@waybill/process/testing';
import { describe, expect, it } from 'vitest';
import { runJob } from './job-run.ts';
import { configOf, ran, recordedJob, scratch, surroundings } from './recorded-job.fixture.ts';

describe('events', () => {
  it('that a step declares are emitted once it has succeeded', async () => {
    const emit = [{ event: 'built', payload: { n: 1 }, target: { repos: ['a/b'] } }];
    const { job } = await ran([{ run: 'true', emit }]);
    expect(job.said.emits).toEqual([
      { event: 'built', payload: { n: 1 }, target: { repos: ['a/b'] } },
    ]);
    const failed = await ran([{ run: 'exit 1', emit }]);
    expect(failed.job.said.emits).toEqual([]);
  });

  it('that a step writes go out in order while it runs, without secrets', async () => {
    const gate = path.join(scratch(), 'gate');
    const job = recordedJob({
      jobConfig: configOf([
        `echo '{"event":"one","payload":{"k":"topsecret-1"}}' >> "$WAYBILL_EMIT"; while ! test -e ${gate}; do sleep 0.02; done; printf '{"event":"two"}' >> "$WAYBILL_EMIT"`,
      ]),
      secrets: { S: 'topsecret-1' },
    });
    const run = runJob(job.handle, await surroundings());
    await eventually(() => job.said.emits.length === 1);
    writeFileSync(gate, '');
    expect((await run).state).toBe('success');
    expect(job.said.emits.map(({ event, payload }) => [event, payload])).toEqual([
      ['one', { k: '***' }],
      ['two', {}],
    ]);
  });

  it('of a job that may be another agent’s are not emitted', async () => {
    const job = recordedJob({
      jobConfig: configOf([
        `trap 'echo "{\\"event\\":\\"late\\"}" >> "$WAYBILL_EMIT"; exit 0' TERM; echo ready; while :; do sleep 0.02; done`,
      ]),
    });
    const run = runJob(job.handle, await surroundings());
    await eventually(() => job.lines().includes('ready'));
    job.abort(new JobAborted('lease_lost', 'no answer'));
    await run;
    expect(job.said.emits).toEqual([]);
  });

  it('that nobody takes fail their step', async () => {
    const refuse = { emit: () => Promise.reject(new RequestFailed('refused', 'too deep')) };
    const written = `echo '{"event":"x"}' >> "$WAYBILL_EMIT"`;
    for (const step of [{ run: written }, { run: 'true', emit: [{ event: 'x' }] }]) {
      const { outcome } = await ran([step], {}, refuse);
      expect(outcome).toMatchObject({
        state: 'failed',
        data: { error: { message: 'step "step 1": event "x" was not taken: too deep' } },
      });
    }
  });
});

describe('usage', () => {
  it('is told while the step runs, line by line, and what is none is complained about', async () => {
    const gate = path.join(scratch(), 'gate');
    const job = recordedJob({
      jobConfig: configOf([
        'true',
        `echo '{"kind":"model_call","gen_ai.usage.input_tokens":5}' >> "$WAYBILL_USAGE"; while ! test -e ${gate}; do sleep 0.02; done; printf 'x\\n{"kind":"tool_call","gen_ai.tool.name":"grep","stepIndex":7}\\n{"kind":"lunch"}\\n' >> "$WAYBILL_USAGE"`,
      ]),
    });
    const run = runJob(job.handle, await surroundings());
    await eventually(() => job.said.usage.length === 1);
    writeFileSync(gate, '');
    expect((await run).state).toBe('success');
    expect(job.said.usage).toEqual([
      { kind: 'model_call', 'gen_ai.usage.input_tokens': 5, stepIndex: 1 },
      { kind: 'tool_call', 'gen_ai.tool.name': 'grep', stepIndex: 7 },
    ]);
    expect(job.lines(1)).toHaveLength(2);
  });
});

describe('work with models', () => {
  it('is told from lines', async () => {
    const { job } = await ran([
      `echo '{"type":"conversation.status","conversationId":"c1","state":"started","runId":"forged"}' >> "$WAYBILL_WORK"; echo '{"type":"other"}' >> "$WAYBILL_WORK"`,
    ]);
    expect(job.said.facts).toEqual([{ conversationId: 'c1', state: 'started' }]);
    expect(job.lines(0)).toHaveLength(1);
  });
});

describe('artifacts', () => {
  it('that a step names are uploaded from the workspace', async () => {
    const { outcome, job } = await ran([
      `mkdir out; echo hi > out/r.txt; echo '{"name":"report.txt","path":"out/r.txt","contentType":"text/plain"}' >> "$WAYBILL_ARTIFACTS"`,
    ]);
    expect(outcome.state).toBe('success');
    expect(job.said.artifacts).toEqual([
      { name: 'report.txt', content: 'hi\n', more: { stepIndex: 0, mediaType: 'text/plain' } },
    ]);
  });

  it('that are not there, or not in the workspace, fail their step', async () => {
    for (const name of ['/etc/hostname', '../files/event.json', 'absent', 'link', 'pipe', '.']) {
      const { outcome, job } = await ran([
        `ln -s /etc/hostname link; mkfifo pipe; echo '{"name":"a","path":"${name}"}' >> "$WAYBILL_ARTIFACTS"`,
      ]);
      expect(outcome, name).toMatchObject({ state: 'failed', data: { reason: 'step_failed' } });
      expect(job.said.artifacts).toEqual([]);
    }
  });

  it('on a server that knows none are told in the log only', async () => {
    const { outcome, job } = await ran(
      [`echo x > a; echo '{"name":"a"}' >> "$WAYBILL_ARTIFACTS"`],
      {},
      { artifact: () => Promise.reject(new RequestFailed('unsupported', 'the server takes none')) },
    );
    expect(outcome.state).toBe('success');
    expect(job.lines(0)).toEqual(['artifact "a" is not kept: the server takes none']);
  });
});

describe('provenance', () => {
  it('that a step names is uploaded by the digest of its subject', async () => {
    const { outcome, job } = await ran([
      `echo '{}' > a.json; echo '{"name":"app","digest":"sha256:abcd","path":"a.json"}' >> "$WAYBILL_PROVENANCE"`,
    ]);
    expect(outcome.state).toBe('success');
    expect(job.said.provenance).toMatchObject([
      {
        subjectName: 'app',
        subjectDigest: 'abcd',
        mediaType: 'application/vnd.in-toto+json',
        body: { file: expect.stringContaining('a.json') as unknown },
      },
    ]);
  });
});

describe('files between a step and the runner', () => {
  it('may be anything without harm', async () => {
    const { outcome } = await ran([
      'mkfifo "$WAYBILL_EMIT"; mkdir "$WAYBILL_USAGE"; ln -s /dev/zero "$WAYBILL_ARTIFACTS"; ln -s /dev/zero "$WAYBILL_SECRET_OUTPUT"; echo x',
    ]);
    expect(outcome.state).toBe('success');
  });
});
