import { evolveRun, type Run, subjects } from '@waybill/protocol';
import { JOB, ORG, RUN } from '@waybill/protocol/fixtures';
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
