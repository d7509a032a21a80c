/**
 * A log with everything in it that a projection has to get right: runs that end well and badly, several attempts, stale
 * decisions behind facts, repeats, foreign sessions, words that no table can hold, and messages that cannot be read.
 * Written through the journal, run after run interleaved, so that every batch cuts through the middle of several.
 */
import {
  agentDraft,
  type Draft,
  decidedDraft,
  jobId,
  readTriggerMessage,
  receivedDraft,
  runDraft,
  subjects,
  triggerId as triggerIdOf,
} from '@waybill/protocol';
import {
  complete,
  createRun,
  decide,
  type LogWriter,
  newRunId,
  offer,
  say,
  work,
} from './log-writer.fixture.ts';

export {
  complete,
  createRun,
  type LogWriter,
  newRunId,
  openLogWriter,
  work,
} from './log-writer.fixture.ts';

type Scenario = (writer: LogWriter, delivery: string) => AsyncGenerator<void, void>;

/** Two jobs, one after the other. */
async function* plain(writer: LogWriter, delivery: string): AsyncGenerator<void, void> {
  const runId = await createRun(writer, delivery, [{ name: 'a' }, { name: 'b', needs: ['a'] }]);
  yield;
  await work(writer, { runId });
  yield;
  await decide(writer, 'job.queued', { runId, index: 1 });
  await work(writer, { runId, index: 1 });
  yield;
  await complete(writer, runId);
}

/** Rejected, offered again, and a late success of the first attempt; then it fails. */
async function* rejected(writer: LogWriter, delivery: string): AsyncGenerator<void, void> {
  const runId = await createRun(writer, delivery, [{ name: 'a' }]);
  const first = await offer(writer, { runId }, 'agent-1');
  yield;
  await say(writer, 'job.reject', { runId, attempt: first }, { reason: 'busy' });
  const second = await offer(writer, { runId }, 'agent-2');
  yield;
  await say(writer, 'job.status', { runId, attempt: first }, { state: 'success' });
  await say(writer, 'job.ack', { runId, attempt: second }, {}, { session: 99 });
  await say(writer, 'job.ack', { runId, attempt: second });
  yield;
  await say(
    writer,
    'job.status',
    { runId, attempt: second },
    { state: 'failed', data: { error: 'exit 1' } },
  );
  await complete(writer, runId);
  yield;
  await say(writer, 'job.status', { runId, attempt: second }, { state: 'success' });
}

/** Held until people approve it; then a step asks, somebody who was not asked answers, and it is rejected. */
async function* approved(writer: LogWriter, delivery: string): AsyncGenerator<void, void> {
  const approval = { users: ['ada'], reason: 'it goes\u0000 live' };
  const runId = await createRun(writer, delivery, [{ name: 'a', approval }]);
  const hold = `${jobId(runId, 0)}-p0`;
  yield;
  await answer(writer, runId, hold, 'approve');
  yield;
  await decide(writer, 'approval.resolved', { runId }, { approvalId: hold, outcome: 'approved' });
  const attempt = await offer(writer, { runId }, 'agent-1');
  yield;
  const now = { runId, attempt };
  const request = { messageId: 'm1', stepIndex: 0, stepName: 'deploy', clauses: [{ team: 'ops' }] };
  await say(writer, 'approval.requested', now, request);
  yield;
  const asked = `${jobId(runId, 0)}-p1`;
  await answer(writer, runId, asked, 'approve');
  await answer(writer, runId, asked, 'reject', ['ops']);
  yield;
  const body = { approvalId: asked, requestId: 'm1', outcome: 'rejected' };
  await decide(writer, 'approval.resolved', now, body, 'agent-1');
  await say(writer, 'approval.requested', now, { messageId: 'm2', clauses: [] });
  await say(writer, 'job.status', now, { state: 'failed' });
  await complete(writer, runId);
}

const answer = (
  writer: LogWriter,
  runId: string,
  approvalId: string,
  decision: 'approve' | 'reject',
  teams: readonly string[] = [],
): Promise<number> =>
  say(writer, 'approval.answered', { runId }, { approvalId, by: 'ada', teams, decision });

/** A stale decision behind the fact that it had not seen; and it ends all the same. */
async function* stale(writer: LogWriter, delivery: string): AsyncGenerator<void, void> {
  const runId = await createRun(writer, delivery, [{ name: 'a' }]);
  const attempt = await offer(writer, { runId }, 'agent-1');
  yield;
  await say(writer, 'job.ack', { runId, attempt });
  await decide(writer, 'job.expired', { runId, attempt });
  yield;
  await say(writer, 'job.status', { runId, attempt }, { state: 'success' });
  await complete(writer, runId);
}

/** What cannot be read, what comes twice, what comes before the run, and words that are no text for a table. */
async function* odd(writer: LogWriter, delivery: string): AsyncGenerator<void, void> {
  const { org } = writer;
  const early = newRunId(org, delivery);
  await say(writer, 'job.ack', { runId: early });
  yield;
  // The fact lies before, so this one is created without an expectation.
  const template = await createRun(writer, `${delivery}-template`, [
    { name: 'a' },
    { name: 'never' },
  ]);
  const made = (await writer.run(template)).created;
  if (made === null) throw new Error('not created');
  const body = JSON.stringify(made).replaceAll(template, early);
  const meta = { id: `${org}:${early}:created`, source: '/test' };
  await writer.append(runDraft({ org, runId: early, type: 'run.created', meta, body }));
  yield;
  await offer(writer, { runId: early }, 'host.with.dots');
  await say(writer, 'job.ack', { runId: early }, 'this is no JSON');
  await poison(writer, early);
  await say(writer, 'job.ack', { runId: early });
  yield;
  const wild =
    `{"stepIndex":3,"stepName":"nul \\u0000, half \\ud83d, backslash \\\\u0000","state":"running","step_type":"${'x'.repeat(5_000)}",` +
    `"data":{"exitCode":1e999,"deep":${'['.repeat(3_000)}${']'.repeat(3_000)}}}`;
  await say(writer, 'step.status', { runId: early }, wild);
  await say(
    writer,
    'step.status',
    { runId: early },
    { stepIndex: 1, stepName: 'one', state: 'running', data: { exitCode: 3 } },
  );
  const twice = {
    id: `${org}:twice:${delivery}`,
    source: '/test',
    jobId: jobId(early, 0),
    attempt: 1,
    session: 7,
  };
  const status = (id: string): Draft => ({
    ...runDraft({
      org,
      runId: early,
      type: 'job.status',
      meta: { ...twice, id },
      body: '{"state":"running"}',
    }),
    extra: { 'ce-id': twice.id },
  });
  await writer.append(status(`${twice.id}:1`));
  yield;
  await writer.append(status(`${twice.id}:2`));
  const reason = '\u0000'.repeat(3);
  await say(
    writer,
    'job.status',
    { runId: early },
    { state: 'failed', data: { reason }, droppedJobs: ['never'] },
  );
  await complete(writer, early);
}

/** Messages on a run's subjects that nobody can read. */
export async function poison(
  { org, append }: LogWriter,
  runId: string,
): Promise<readonly number[]> {
  const meta = { id: `${org}:poison:${runId}`, source: '/test' };
  const stream = 'WB_RUNS';
  return [
    await append({
      stream,
      subject: subjects.run(org, runId, 'nobody.knows'),
      type: 'nobody.knows',
      meta,
      body: '{}',
    }),
    await append({
      stream,
      subject: subjects.run(org, runId, 'job.status'),
      type: 'job.status',
      meta: { ...meta, id: `${meta.id}b` },
      body: '{"state":"dancing","secret":"hunter2"}',
    }),
    await append({
      stream,
      subject: `wb.v1.run.zz.${org}.nowhere`,
      type: 'x',
      meta: { ...meta, id: `${meta.id}c` },
      body: 'hunter2',
    }),
  ];
}

/** Everything that an agent can say of its work, some of it twice, some behind the end of the run. */
async function* working(writer: LogWriter, delivery: string): AsyncGenerator<void, void> {
  const runId = await createRun(writer, delivery, [{ name: 'a' }]);
  const attempt = await offer(writer, { runId }, 'agent-1');
  const now = { runId, attempt };
  const usage = (messageId: string, costUsd: string) => ({
    messageId,
    entries: [
      { kind: 'model_call', costUsd, 'gen_ai.usage.input_tokens': 7, startedAt: 1_700_000_000_000 },
      { kind: 'tool_call', 'gen_ai.tool.name': 'search\u0000' },
    ],
  });
  yield;
  await say(writer, 'usage.reported', now, usage('u1', '0.25'));
  const conversationId = 'c'.repeat(1_000);
  await say(writer, 'conversation.reported', now, {
    conversationId,
    state: 'started',
    'gen_ai.request.model': 'm1',
  });
  yield;
  const digest = `sha256:${'0'.repeat(64)}`;
  const sources = [{ uri: 'file:///a', kind: 'file' }];
  await say(writer, 'context.reported', now, {
    bundleId: 'b1',
    digest,
    sizeBytes: 10,
    sources,
    redactions: [],
  });
  await say(writer, 'workspace.reported', now, { workspaceId: 'w1', kind: 'git', sha: 'abc' });
  const object = { sha256: '1'.repeat(64), sizeBytes: 5, mediaType: 'text/plain' };
  const uri = `artifact://exec/${runId}/out.txt`;
  await say(writer, 'artifact.stored', now, { name: 'out.txt', uri, ...object });
  const subject = { subjectName: 'out.txt', subjectDigest: '1'.repeat(64) };
  await say(writer, 'provenance.stored', now, { ...subject, ...object });
  yield;
  await say(writer, 'conversation.reported', now, { conversationId, state: 'ended', turns: 3 });
  await say(
    writer,
    'artifact.stored',
    now,
    { name: 'of another', uri, ...object },
    { session: 99 },
  );
  await say(writer, 'job.status', now, { state: 'success' });
  await complete(writer, runId);
  yield;
  await say(writer, 'usage.reported', now, usage('u2', '1'));
}

const scenarios: readonly Scenario[] = [plain, rejected, stale, odd, approved, working];

/** `rounds` of every scenario, interleaved; with triggers, agents and rules beside them. */
export async function writeLog(writer: LogWriter, rounds = 1): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    await writeOthers(writer, round);
    let open = scenarios.map((scenario, index) => scenario(writer, `delivery-${round}-${index}`));
    while (open.length > 0) {
      const left: typeof open = [];
      for (const each of open) if (!(await each.next()).done) left.push(each);
      open = left;
    }
  }
}

async function writeOthers(writer: LogWriter, round: number): Promise<void> {
  const { org, append, journal } = writer;
  const deliveryId = `delivery-${round}`;
  const triggerId = triggerIdOf(org, 'github', deliveryId);
  await append(
    receivedDraft({
      org,
      source: 'github',
      triggerId,
      kind: 'webhook',
      event: 'push',
      deliveryId,
      digest: 'd',
      requestId: `r${round}`,
      body: '{"a":1}',
    }),
  );
  const stored = await journal.last(
    'WB_TRIGGERS',
    subjects.trigger(org, 'github', triggerId, 'received'),
  );
  const received = stored === undefined ? undefined : readTriggerMessage(stored);
  if (received?.type !== 'trigger.received') throw new Error('not received');
  const rule = { name: 'ci', generation: 1, seq: 1 };
  await append(
    decidedDraft(received, {
      triggerId,
      decision: 'run',
      receivedSeq: received.seq,
      runs: [{ rule, runId: `${triggerId}-0` }],
    }),
  );
  await append({
    ...decidedDraft(received, {
      triggerId,
      decision: 'no_rule',
      receivedSeq: received.seq,
      runs: [],
    }),
    meta: { id: `${org}:late:${round}`, source: '/test' },
  });
  const agent = { org, agentId: `host-${round % 3}.example.org`, gateway: 'gw/1' };
  const register = {
    type: 'agent.register',
    agentId: agent.agentId,
    labels: ['linux', 'a\u0000b'],
    maxConcurrency: 2,
    platform: 'linux',
    cpuCount: 4,
  };
  const session = await append(
    agentDraft({
      ...agent,
      type: 'registered',
      id: `${org}:reg:${round}`,
      body: JSON.stringify(register),
    }),
  );
  await append(
    agentDraft({
      ...agent,
      type: 'status',
      id: `${org}:st:${round}`,
      session,
      body: '{"activeJobs":1}',
    }),
  );
  await append(
    agentDraft({ ...agent, type: 'status', id: `${org}:bad:${round}`, session, body: '{}' }),
  );
  if (round % 2 === 0)
    await append(
      agentDraft({
        ...agent,
        type: 'disconnected',
        id: `${org}:dis:${round}`,
        session,
        body: JSON.stringify({ session, code: 1006, reason: 'gone' }),
      }),
    );
  const step = { name: 'test', steps: [{ run: 'npm test' }] };
  const generation = {
    generation: round + 1,
    rule: {
      apiVersion: 'waybill/v1',
      kind: 'Rule',
      metadata: { name: 'ci' },
      spec: { on: { source: 'github', event: 'push' }, jobs: [step] },
    },
  };
  await append({
    stream: 'WB_CONFIG',
    subject: subjects.config(org, 'rule', 'ci'),
    type: 'rule.applied',
    meta: { id: `${org}:rule:${round}`, source: '/waybill/api' },
    body: JSON.stringify(generation),
  });
  await append({
    stream: 'WB_CONFIG',
    subject: subjects.config(org, 'rule', 'other'),
    type: 'rule.applied',
    meta: { id: `${org}:bad-rule:${round}`, source: '/test' },
    body: JSON.stringify(generation),
  });
}
