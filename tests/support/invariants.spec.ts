import { evolveRun, type Run, subjects } from '@waybill/protocol';
import { JOB, ORG, RUN, START } from '@waybill/protocol/fixtures';
import { describe, expect, it } from 'vitest';
import {
  AGENT,
  ack,
  completed,
  evidence,
  logged,
  offer,
  recordOf,
  registered,
  rightRun,
  runLog,
  status,
} from './evidence.fixture.ts';
import { violationsOf } from './invariants.ts';
import type { Fold } from './run-story.ts';
import { disguises } from './secret-invariants.ts';

const numbersOf = (...about: Parameters<typeof violationsOf>): readonly number[] => [
  ...new Set(violationsOf(...about).map(({ invariant }) => invariant)),
];
const only = (invariant: number, ...about: Parameters<typeof violationsOf>) =>
  violationsOf(...about).filter((each) => each.invariant === invariant);
/** As text: the place in the log, and what is wrong there. */
const told = (...about: Parameters<typeof only>): readonly string[] =>
  only(...about).map(({ seq, what }) => `@${seq} ${what}`);
const right = evidence();
/** Of an agent that knows only the published protocol. */
const word: (typeof right.diary)[number] = {
  agentId: AGENT,
  kind: 'plain',
  what: 'stop',
  runId: RUN,
  wireJobId: JOB,
  fence: null,
  atMs: 0,
  at: START,
};
const [created] = rightRun;
if (created === undefined) throw new Error('the fixture has no run');

/** A fold that is wrong once, at one event. */
const wrongAt =
  (seq: number, change: (before: Run, after: Run) => Run): Fold =>
  (run, event) => {
    const after = evolveRun(run, event);
    return event.seq === seq ? change(run, after) : after;
  };
const firstJob = (run: Run, change: (job: Run['jobs'][number]) => Run['jobs'][number]): Run => ({
  ...run,
  jobs: run.jobs.map((job, index) => (index === 0 ? change(job) : job)),
});

/** As the message has it, but for what the server keeps of an expectation. */
const headerOf =
  (message: (typeof right.log.WB_RUNS)[number], expectation: Readonly<Record<string, string>>) =>
  (name: string): string | undefined =>
    name.startsWith('Nats-Expected-') ? expectation[name] : message.header(name);

describe('the checks of the invariants', () => {
  it('find nothing where everything is right', () => {
    expect(violationsOf(right)).toEqual([]);
  });

  it('1: find an offer that is never resolved', () => {
    const found = told(1, evidence({}, [created, offer()]));
    expect(found).toEqual([expect.stringMatching(/^@2 .*never resolved/)]);
  });

  it('1: find an offer that is resolved twice', () => {
    const again = wrongAt(4, (_before, after) =>
      firstJob(after, (job) => ({
        ...job,
        attempts: job.attempts.map((each) => ({ ...each, resolution: 'expired' as const })),
      })),
    );
    expect(told(1, right, again)).toEqual([
      expect.stringMatching(/^@4 .*was accepted and became expired/),
    ]);
  });

  it('1: find an offer that was written to a socket twice, or to another agent', () => {
    const [entry] = right.diary;
    if (entry === undefined) throw new Error('the diary is empty');
    const dispatched = { ...entry, what: 'dispatched' as const };
    const diary = [...right.diary, dispatched, dispatched, { ...dispatched, agentId: 'another' }];
    const found = only(1, evidence({ diary }));
    expect(found.map(({ what }) => what)).toEqual([
      expect.stringContaining('twice'),
      expect.stringContaining('twice'),
      expect.stringContaining('written to another'),
    ]);
  });

  it('2: find a decision that was stored behind what it had not seen', () => {
    const drafts = [created, offer(), ack(), offer(2, 2), status('success'), completed()];
    expect(told(2, evidence({}, drafts))).toEqual([
      expect.stringMatching(/^@4 .*job.offered is stored and void/),
    ]);
  });

  it('2: find an offer that was made on less than it says, or is addressed to another', () => {
    expect(told(2, evidence({}, [created, ack(), offer(1, 1)]))).toEqual([
      expect.stringMatching(/^@3 .*offered with fence 1 behind 2/),
    ]);
    const astray = { ...offer(), meta: { ...offer().meta, session: 8 } };
    expect(told(2, evidence({}, [created, astray, ack()]))).toContainEqual(
      expect.stringMatching(/^@2 .*to session 7 of agent-7 is addressed to 8 of agent-7/),
    );
  });

  it('2: find a decision that was appended without an expectation over its run', () => {
    const [first, ...others] = right.log.WB_RUNS;
    if (first === undefined) throw new Error('no run');
    const log = { ...right.log, WB_RUNS: [{ ...first, header: headerOf(first, {}) }, ...others] };
    expect(told(2, evidence({ log }))).toEqual([
      expect.stringMatching(/^@1 .*run.created is stored without an expectation/),
    ]);
    const narrow = { 'Nats-Expected-Last-Subject-Sequence-Subject': first.subject };
    const other = {
      ...right.log,
      WB_RUNS: [{ ...first, header: headerOf(first, narrow) }, ...others],
    };
    expect(told(2, evidence({ log: other }))).toHaveLength(1);
  });

  it('2: let several servers store what only the fold excludes', () => {
    const drafts = [created, offer(), ack(), offer(2, 2), status('success'), completed()];
    expect(told(2, evidence({ replicas: 3 }, drafts))).toEqual([]);
  });

  it('2: find attempts with gaps, fences that go back, and words of another session that counted', () => {
    const askew = wrongAt(2, (_before, after) =>
      firstJob(after, (job) => ({
        ...job,
        attempts: job.attempts.flatMap((each) => [each, { ...each, attempt: 3, session: 9 }]),
      })),
    );
    const found = only(2, right, askew).map(({ what }) => what);
    expect(found).toContainEqual(expect.stringContaining('attempt 3 stands at place 2'));
    expect(found).toContainEqual(expect.stringContaining('has fence 1 after 1'));
    const deaf: Fold = wrongAt(3, (_before, after) => ({
      ...firstJob(after, (job) => ({
        ...job,
        attempts: job.attempts.map((each) => ({ ...each, session: 8 })),
      })),
      lastVoid: null,
    }));
    expect(told(2, right, deaf)).toContainEqual(
      expect.stringMatching(/^@3 .*session 7, current is 8/),
    );
  });

  it('3: find two agents at one job, work begun twice, and work that nobody was given', () => {
    const [start] = right.diary;
    if (start === undefined) throw new Error('the diary is empty');
    const found = only(3, evidence({ diary: [start, { ...start, agentId: 'another' }] }));
    expect(found.map(({ what }) => what)).toEqual([
      expect.stringContaining(`another started ${JOB} while ${AGENT}`),
      expect.stringContaining('which the log never gave to it'),
      expect.stringContaining('begun 2 times'),
    ]);
  });

  it('1, 3: find a frame before its offer, and work before its ack', () => {
    const diary = right.diary.map((entry) => ({ ...entry, at: entry.at - 100 }));
    const early = { ...word, what: 'dispatched' as const };
    expect(told(1, evidence({ diary: [early] }))).toEqual([
      expect.stringContaining('before its offer was stored'),
    ]);
    expect(told(3, evidence({ diary }))).toEqual([
      expect.stringContaining('before its ack was stored'),
    ]);
  });

  it('3: find an agent of the published protocol that is not told to stop what is not its own any more', () => {
    const withdrawn = wrongAt(4, (_before, after) =>
      firstJob(after, (job) => ({
        ...job,
        attempts: job.attempts.map((each) => ({
          ...each,
          resolution: 'withdrawn' as const,
          resolvedAt: START,
        })),
      })),
    );
    const stale = { ...word, what: 'spoke' as const, at: START + 5_000 };
    const about = (...more: readonly (typeof right.diary)[number][]) =>
      told(3, evidence({ diary: [stale, ...more, { ...word, at: START + 20_000 }] }), withdrawn);
    const isNotTold = [expect.stringContaining('was not told to stop')];
    expect(about()).toEqual(isNotTold);
    expect(about({ ...stale, what: 'told', at: START + 6_500 })).toEqual(isNotTold);
    expect(about({ ...stale, what: 'told', at: START + 5_900 })).toEqual([]);
    expect(about({ ...stale, what: 'closed', wireJobId: '', at: START + 5_900 })).toEqual([]);
    const disturbances = [{ from: START + 4_000, to: START + 4_500 }];
    expect(told(3, evidence({ diary: [stale, word], disturbances }), withdrawn)).toEqual([]);
  });

  it('4: find a finished job that changes, and a run that says what its jobs do not', () => {
    const undone = wrongAt(5, (_before, after) =>
      firstJob(after, (job) => ({ ...job, state: 'failed' })),
    );
    expect(only(4, right, undone).map(({ what }) => what)).toEqual([
      expect.stringContaining('was success and run.completed changed it'),
      expect.stringContaining('its jobs add up to failed'),
    ]);
  });

  it('5: find an answer without a trigger, a trigger stored twice, and one from nowhere', () => {
    const { log, ledger } = right;
    const [received, decided] = log.WB_TRIGGERS;
    if (received === undefined || decided === undefined) throw new Error('no trigger');
    const triggers = (...messages: (typeof received)[]) => ({
      log: { ...log, WB_TRIGGERS: messages },
    });
    expect(told(5, evidence(triggers()))).not.toEqual([]);
    expect(told(5, evidence(triggers(received)))).toContainEqual(
      expect.stringMatching(/^@1 .*has 0 decisions/),
    );
    expect(told(5, evidence(triggers(received, decided, { ...received, seq: 3 })))).toEqual([
      expect.stringMatching(/^@3 .*stored 2 times/),
    ]);
    expect(told(5, evidence({ ledger: [] }))).toEqual([
      expect.stringMatching(/^@1 .*nobody sent it/),
    ]);
    const lied = ledger.map((each) => ({
      ...each,
      told: each.told && { ...each.told, decision: 'no_rule', runIds: ['other'] },
    }));
    expect(only(5, evidence({ ledger: lied }))).toHaveLength(2);
  });

  it('5: find a run that was decided and never created', () => {
    const log = { ...right.log, WB_RUNS: [] };
    expect(told(5, evidence({ log, records: [] }))).toEqual([
      expect.stringMatching(/^@2 .*is created 0 times/),
    ]);
  });

  it('6: find what projections verify finds', () => {
    const differences = [{ table: 'runs', key: RUN, problem: 'different' }];
    expect(numbersOf(evidence({ differences }))).toEqual([6]);
  });

  it('7: find a record that is missing, altered, unchained, or not what lies in the log', () => {
    const record = recordOf(runLog(), null);
    const other = recordOf(runLog(rightRun.with(3, status('failed'))), null);
    const what = (records: readonly (typeof record)[]) =>
      only(7, evidence({ records })).map((each) => each.what);
    expect(what([])).toEqual([expect.stringContaining('has no record')]);
    expect(what([{ ...record, body: Buffer.concat([record.body, Buffer.from(' ')]) }])).toEqual([
      expect.stringContaining('its bytes hash to'),
    ]);
    expect(what([recordOf(runLog(), 'f'.repeat(64))])).toEqual([
      expect.stringContaining('the one before it is null'),
    ]);
    expect(what([other])).toEqual([expect.stringContaining('event 4 is not what lies in the log')]);
  });

  it('8: find a secret in every disguise and every place', () => {
    const [canary = ''] = right.canaries;
    expect(disguises(canary).length).toBeGreaterThan(8);
    for (const text of disguises(canary)) {
      const leaked = logged({ ...status('success'), body: `x${text}y` }, 4);
      const log = { ...right.log, WB_LOGS: [leaked] };
      const places = [{ log }, { output: { up: `said ${text}` } }];
      for (const place of places)
        expect({ text, found: only(8, evidence(place)) }).toMatchObject({ text, found: [{}] });
    }
    expect(only(8, evidence({ tables: { runs: [{ note: canary }] } }))).toHaveLength(1);
    const inHeader = {
      ...logged(ack(), 3),
      headers: { 'x-note': Buffer.from(`ab${canary}`).toString('base64') },
    };
    expect(only(8, evidence({ log: { ...right.log, WB_LOGS: [inHeader] } }))).toHaveLength(1);
  });

  it('9: find a run that has not ended and tables that lag', () => {
    const open = evidence({ records: [] }, [created, offer(), ack()]);
    expect(told(9, open)).toEqual([expect.stringMatching(/^@3 .*test running/)]);
    expect(told(9, evidence({ checkpoints: { ...right.checkpoints, WB_RUNS: 4 } }))).toEqual([
      expect.stringMatching(/^@5 .*its tables at 4/),
    ]);
  });

  it('10: find an offer that expired although its ack was sent in time', () => {
    const expired = wrongAt(3, (_before, after) =>
      firstJob(after, (job) => ({
        ...job,
        spent: { ...job.spent, expired: 1 },
        attempts: job.attempts.map((each) => ({ ...each, resolution: 'expired' as const })),
      })),
    );
    const dispatched = { ...word, what: 'dispatched' as const, at: START + 3 };
    const answered = (at: number) => {
      const diary = [dispatched, { ...word, what: 'acked' as const, at }];
      return told(10, evidence({ diary }), expired);
    };
    expect(answered(START + 5_000)).toEqual([expect.stringMatching(/^@1 .*had answered 5002 ms/)]);
    expect(answered(START + 11_000)).toEqual([]);
  });

  it('10: find a budget that paid for an outage of ours', () => {
    const lost = wrongAt(3, (_before, after) =>
      firstJob(after, (job) => ({
        ...job,
        spent: { ...job.spent, expired: 1 },
        attempts: job.attempts.map((each) => ({ ...each, resolution: 'expired' as const })),
      })),
    );
    const disturbances = [{ from: START, to: START + 5_000 }];
    const neverSent = { diary: [{ ...word, what: 'closed' as const, wireJobId: '' }] };
    expect(told(10, evidence({ ...neverSent, disturbances }), lost)).toEqual([
      expect.stringContaining('has spent 1 offers as expired, and its agents 0'),
    ]);
    expect(told(10, evidence(neverSent), lost)).toEqual([]);
    const sent = { diary: [{ ...word, what: 'dispatched' as const }], disturbances };
    expect(told(10, evidence(sent), lost)).toEqual([]);
  });

  it('12: find a session, a row and a log line of another org', () => {
    const foreign = { ...right.log, WB_AGENTS: [registered('other')] };
    expect(only(12, evidence({ log: foreign })).map(({ seq }) => seq)).toEqual([2, 3, 4]);
    expect(only(12, evidence({ tables: { runs: [{ org: 'other', run_id: RUN }] } }))).toHaveLength(
      1,
    );
    const line = logged(
      { ...ack(), stream: 'WB_LOGS', subject: subjects.log('other', RUN, JOB), type: 'log.chunk' },
      1,
    );
    expect(only(12, evidence({ log: { ...right.log, WB_LOGS: [line] } }))).toHaveLength(1);
    expect(ORG).not.toBe('other');
  });
});
