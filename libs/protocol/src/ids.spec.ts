import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  anyAttempt,
  anyIndex,
  anyJobId,
  anyOrg,
  anyRunId,
  anyText,
  anyToken,
  anyTriggerId,
  runsOf,
} from './arbitrary.fixture.ts';
import {
  foreignToken,
  isRunId,
  isToken,
  JobId,
  jobId,
  Org,
  parseWireJobId,
  RunId,
  runId,
  Token,
  TriggerId,
  triggerId,
  triggerOfRun,
  wireJobId,
} from './ids.ts';

const RUN = `${triggerId('main', 'github', 'd')}-0`;

describe('a job on the wire', () => {
  it('reads back as the attempt it stands for', () => {
    fc.assert(
      fc.property(anyRunId, anyIndex, anyAttempt, (run, index, attempt) => {
        const job = jobId(run, index);
        expect(parseWireJobId(wireJobId(job, attempt))).toEqual({
          runId: run,
          jobId: job,
          attempt,
          index,
        });
      }),
      runsOf(300),
    );
  });

  it('is read only if it was minted: what reads back is written again letter for letter', () => {
    const near = fc
      .tuple(anyRunId, fc.stringMatching(/^[-a0-9]{0,12}$/))
      .map(([run, tail]) => `${run}${tail}`);
    fc.assert(
      fc.property(fc.oneof(near, anyText, anyJobId), (id) => {
        const parsed = parseWireJobId(id);
        if (parsed === undefined) return;
        expect(wireJobId(jobId(parsed.runId, parsed.index), parsed.attempt)).toBe(id);
      }),
      runsOf(2_000),
    );
  });

  it.each([
    `${RUN}-0-a0`,
    `${RUN}-0-a1`,
    `${RUN}-0-a02`,
    `${RUN}-0-a`,
    `${RUN}-0-a10000`,
    `${RUN}-0-A2`,
    `${RUN}-0-a2-a3`,
    `${RUN}-0-a2 `,
    `${RUN}-0-a2\n`,
    `${RUN}-00`,
    `${RUN}-007-a2`,
    `${RUN.slice(0, -1)}00-0`,
    `${RUN}-12345`,
    RUN,
    RUN.slice(1),
    RUN.toUpperCase(),
    'job-19c2-a2',
    '',
  ])('%j is nobody’s', (id) => {
    expect(parseWireJobId(id)).toBeUndefined();
  });

  it('has another id for each attempt and each job', () => {
    const places = fc.uniqueArray(fc.tuple(anyIndex, anyAttempt), {
      selector: ([index, attempt]) => `${index} ${attempt}`,
    });
    fc.assert(
      fc.property(places, (all) => {
        const ids = all.map(([index, attempt]) => wireJobId(jobId(RUN, index), attempt));
        expect(new Set(ids).size).toBe(all.length);
      }),
      runsOf(100),
    );
  });
});

describe('ids of ours', () => {
  it('are subject tokens, and fit their own schemas', () => {
    fc.assert(
      fc.property(anyTriggerId, anyIndex, anyIndex, anyAttempt, (trigger, run, job, attempt) => {
        const ids = [trigger, runId(trigger, run), jobId(runId(trigger, run), job)] as const;
        for (const [index, schema] of [TriggerId, RunId, JobId].entries())
          expect(schema.safeParse(ids[index]).success).toBe(true);
        for (const id of [...ids, wireJobId(ids[2], attempt)]) expect(isToken(id)).toBe(true);
        expect(triggerOfRun(ids[1])).toBe(trigger);
        expect(isRunId(ids[1])).toBe(true);
        expect([isRunId(ids[0]), isRunId(ids[2]), triggerOfRun(ids[2])]).toEqual([
          false,
          false,
          undefined,
        ]);
      }),
      runsOf(200),
    );
  });

  it('of a trigger differ when org, source or delivery id differ, wherever the text is cut', () => {
    const parts = fc.tuple(anyText, anyText, anyText);
    fc.assert(
      fc.property(parts, parts, (a, b) => {
        const same = a.every((part, index) => part === b[index]);
        expect(triggerId(...a) === triggerId(...b)).toBe(same);
      }),
      runsOf(500),
    );
    expect(triggerId('a', 'b', 'c')).not.toBe(triggerId('a', 'bc', ''));
    expect(triggerId('a","b', 'c', 'd')).not.toBe(triggerId('a', 'b","c', 'd'));
  });

  it('never have a leading zero, so that no run has two names', () => {
    const trigger = triggerId('main', 'github', 'd');
    for (const run of [`${trigger}-00`, `${trigger}-01`])
      expect([RunId.safeParse(run).success, isRunId(run), triggerOfRun(run)]).toEqual([
        false,
        false,
        undefined,
      ]);
    expect(JobId.safeParse(`${RUN}-00`).success).toBe(false);
  });
});

describe('a foreign id', () => {
  it('becomes a subject token, always', () => {
    fc.assert(
      fc.property(fc.oneof(anyText, anyToken), (id) => {
        expect(isToken(foreignToken(id))).toBe(true);
      }),
      runsOf(500),
    );
  });

  it('that fits stays itself, and none can pose as the hash of another', () => {
    expect(foreignToken('builder-1')).toBe('builder-1');
    const hashed = foreignToken('builder-1.example.net');
    expect(hashed).toMatch(/^h_[0-9a-hjkmnp-tv-z]{26}$/);
    expect(foreignToken(hashed)).not.toBe(hashed);
    const halves = ['\ud800', '\udfff', '\ufffd'].map(foreignToken);
    expect(new Set(halves).size).toBe(3);
    fc.assert(
      fc.property(anyText, anyText, (a, b) => {
        if (a !== b) expect(foreignToken(a)).not.toBe(foreignToken(b));
      }),
      runsOf(500),
    );
  });
});

it.each(['', 'a.b', 'a b', '*', '>', 'a>', 'ä', 'a\n', '\na', 'x'.repeat(65)])(
  '%j is no token',
  (text) => {
    expect([isToken(text), Token.safeParse(text).success]).toEqual([false, false]);
  },
);

it('an org is a token in lower case', () => {
  fc.assert(
    fc.property(anyOrg, (org) => {
      expect([Org.safeParse(org).success, isToken(org)]).toEqual([true, true]);
    }),
    runsOf(100),
  );
  for (const org of ['', 'Main', '-a', '_a', 'a.b', 'a'.repeat(64), 'a\n'])
    expect([org, Org.safeParse(org).success]).toEqual([org, false]);
});
