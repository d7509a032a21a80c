import { systemClock } from '@waybill/process';
import { eventually } from '@waybill/process/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshRun, log, seqsOf, startServer, stored, type TestServer } from './journal.fixture.ts';
import { openJournal } from './journal.ts';

describe('append while the server fails', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server?.stop());

  it('stores every event exactly once when the server is killed under load and comes back', async () => {
    const { journal, nats } = server;
    const run = freshRun();
    const chains = Array.from({ length: 20 }, () => freshRun());
    const lengthMax = 60;
    let facts = 0;
    const appendFacts = async (): Promise<void> => {
      for (let n = 0; n < lengthMax; n++) {
        await stored(journal.append(run.draft('job.status', { n })));
        facts += 1;
      }
    };
    const appendDecisions = async (chain: typeof run): Promise<void> => {
      let lastSeq = 0;
      for (let n = 0; n < lengthMax; n++) {
        lastSeq = await stored(
          journal.append(chain.draft('job.queued', { n }), { filter: chain.filter, lastSeq }),
        );
      }
    };
    const work = Promise.all([
      ...Array.from({ length: 10 }, appendFacts),
      ...chains.map(appendDecisions),
    ]);
    await eventually(() => facts > 50);
    await nats.kill();
    await server.revive();
    await work;
    expect(await journal.load('WB_RUNS', run.filter)).toHaveLength(10 * lengthMax);
    for (const chain of chains) {
      const messages = await journal.load('WB_RUNS', chain.filter);
      expect(messages).toHaveLength(lengthMax);
      expect(seqsOf(messages)).toEqual([...seqsOf(messages)].sort((a, b) => a - b));
    }
  });

  it('outlasts a server that is frozen for three seconds', async () => {
    const { journal, nats } = server;
    const run = freshRun();
    nats.signal('SIGSTOP');
    const appends = Array.from({ length: 50 }, (_, n) =>
      journal.append(run.draft('job.status', { n }), undefined, { deadlineMs: 15_000 }),
    );
    const decision = journal.append(run.draft('run.created'), undefined, { deadlineMs: 15_000 });
    systemClock.after(3_000, () => nats.signal('SIGCONT'));
    await Promise.all([...appends, decision].map(stored));
    expect(await journal.load('WB_RUNS', run.filter)).toHaveLength(51);
  });

  it('calls an outcome unknown and not failed when nobody answers until the deadline', async () => {
    const { journal, nats } = server;
    await nats.kill();
    const appended = await journal.append(freshRun().draft('job.ack'), undefined, {
      deadlineMs: 300,
    });
    expect(appended).toMatchObject({ outcome: 'unknown', cause: { name: 'Outage' } });
    await eventually(() => !journal.status().connected);
    expect(journal.status()).toMatchObject({ connected: false, reason: 'disconnected' });
    await server.revive();
    await eventually(() => journal.status().connected);
    await stored(journal.append(freshRun().draft('job.ack')));
  });

  it('closes within its bound while the server is away', async () => {
    const journal = await server.another();
    await server.nats.kill();
    const pending = journal.append(freshRun().draft('job.ack'), undefined, { deadlineMs: 1_000 });
    await journal.close();
    expect(await pending).toMatchObject({ outcome: 'unknown' });
    await server.revive();
  });

  it('names the unreachable server without its credentials', async () => {
    const nats = { url: 'nats://someone:hidden-word@127.0.0.1:9' };
    const opening = openJournal({
      nats,
      name: 'spec',
      clock: systemClock,
      log,
      connectDeadlineMs: 300,
    });
    const error = await opening.catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'Outage', code: 'nats-unreachable' });
    expect(String(error)).toContain('127.0.0.1:9');
    expect(String(error)).not.toContain('hidden-word');
  });

  it('names credentials that the server does not accept', async () => {
    const nats = { url: server.nats.url, user: server.nats.user, password: 'wrong' };
    const opening = openJournal({
      nats,
      name: 'spec',
      clock: systemClock,
      log,
      connectDeadlineMs: 3_000,
    });
    await expect(opening).rejects.toMatchObject({ code: 'not-permitted', exitCode: 78 });
  });
});
