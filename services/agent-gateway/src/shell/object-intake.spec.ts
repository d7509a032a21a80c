import type { ObjectEntry, Objects } from '@waybill/objects';
import { createLogger, manualClock, serialQueue } from '@waybill/process';
import { type Draft, foldRun, type wire, wireJobId } from '@waybill/protocol';
import { describe, expect, it } from 'vitest';
import { type Custody, custodyBook } from '../domain/custody.ts';
import { limits } from '../domain/limits.ts';
import { created, JOB, ORG, RUN } from '../domain/stored-run.fixture.ts';
import { openCompletions } from './completions.ts';
import { openObjectIntake } from './object-intake.ts';
import type { Seat } from './registry.ts';

const who = { org: ORG, agentId: 'a', session: 5, scalerManaged: false };
const custody: Custody = {
  org: ORG,
  runId: RUN,
  jobId: JOB,
  attempt: 1,
  fence: 1,
  agentId: 'a',
  session: 5,
  requestId: undefined,
  traceparent: undefined,
  phase: 'open',
  heard: true,
  folded: true,
  leaseMs: undefined,
};
const about = { messageId: 'c', runId: RUN, jobId: wireJobId(JOB, 1), timestamp: 1 };
const artifact: wire.ArtifactUploadComplete = {
  type: 'artifact.upload.complete',
  ...about,
  name: 'a',
  sha256: 'aa',
  sizeBytes: 1,
};
const entry: ObjectEntry = {
  org: ORG,
  kind: 'artifact',
  scope: '',
  name: 'a',
  key: 'nats:x',
  sha256: 'aa',
  sizeBytes: 1,
  createdAt: 1,
  usedAt: 1,
};
const never = (): never => {
  throw new Error('not asked for');
};

/** Storage that answers when it is told to. */
function scene() {
  const clock = manualClock();
  const lanes = serialQueue({ pendingMax: 100 });
  const run = foldRun([created()]);
  const book = custodyBook({ endedRunsMax: 1 });
  book.put(custody);
  const stored: Draft[] = [];
  const answers: wire.OrchestratorMessage[] = [];
  const storage = Promise.withResolvers<ObjectEntry>();
  const objects: Objects = {
    beginUpload: never,
    commit: () => storage.promise,
    find: () => storage.promise,
    newest: never,
    list: never,
    downloadUrl: () => Promise.resolve('https://example.org/x'),
    write: never,
    read: never,
    remove: never,
    sweep: never,
    close: never,
  };
  const facts = {
    store: (draft: Draft) => Promise.resolve({ seq: stored.push(draft), duplicate: false }),
    within: lanes.run,
    idle: lanes.idle,
  };
  const completions = openCompletions(facts);
  const intake = openObjectIntake({
    objects,
    book,
    facts,
    history: {
      judge: () => Promise.resolve({ run, verdict: 'valid', bytes: 1 }),
      current: () => Promise.resolve(run),
      forget: never,
    },
    completions,
    clock,
    log: createLogger({ name: 'test', level: 'silent' }),
  });
  const seat: Seat = {
    who,
    extensions: undefined,
    host: {},
    sent: new Set(),
    isOpen: () => true,
    send: (message) => void answers.push(message),
    dispatch: never,
    close: never,
    stop: never,
    stray: never,
    violation: never,
    left: never,
    replaced: never,
    ended: never,
  };
  const take = (message: Parameters<typeof intake.take>[1]): Readonly<{ isDone(): boolean }> => {
    let isDone = false;
    void intake.take(seat, message, { who, frameNo: 1, resends: true })?.then(() => {
      isDone = true;
    });
    return { isDone: () => isDone };
  };
  return { clock, storage, completions, stored, answers, take };
}

describe('storage that is slower than an agent waits', () => {
  it('is not waited for, and what it has verified in the end still stands in the run', async () => {
    const { clock, storage, completions, stored, answers, take } = scene();
    const taken = take(artifact);
    await clock.advance(limits.objectAnswerMs);
    expect(answers).toMatchObject([{ type: 'artifact.upload.result', requestId: 'c' }]);
    expect(answers[0]).toHaveProperty('error');
    expect(stored).toEqual([]);
    // The last word of the job waits no longer, and its socket owes it until it is done.
    await completions.settle(JOB);
    expect(taken.isDone()).toBe(false);
    storage.resolve(entry);
    await clock.advance(0);
    expect(stored).toMatchObject([{ type: 'artifact.stored' }]);
    expect(answers).toHaveLength(2);
    expect(answers[1]).toHaveProperty('uri');
    expect(taken.isDone()).toBe(true);
  });

  it('has restored nothing where the agent was told so before', async () => {
    const { clock, storage, stored, answers, take } = scene();
    const { jobId } = about;
    take({ type: 'cache.user.restore.request', messageId: 'r', jobId, key: 'k' });
    await clock.advance(limits.objectAnswerMs);
    storage.resolve(entry);
    await clock.advance(0);
    expect(answers).toEqual([{ type: 'cache.user.restore.response', requestId: 'r', hit: false }]);
    expect(stored).toEqual([]);
  });
});
