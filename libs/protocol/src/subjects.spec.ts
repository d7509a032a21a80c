import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  anyJobId,
  anyOrg,
  anyRunId,
  anyText,
  anyToken,
  anyTriggerId,
  runsOf,
} from './arbitrary.fixture.ts';
import { foreignToken, isToken } from './ids.ts';
import { streamNames, streams } from './streams.ts';
import { allSubjects, type ParsedSubject, parseSubject, shardOf, subjects } from './subjects.ts';

const step = fc.constantFrom('received' as const, 'decided' as const);
/** No entity is called `to`: it is the mark of what is addressed. */
const word = anyToken.filter((token) => token !== 'to');
const agentId = fc.oneof(anyToken, anyText);

type Case = Readonly<{ subject: string; means: ParsedSubject }>;

/** Every builder with arbitrary valid ids, and what its subject means. */
const anyCase: fc.Arbitrary<Case> = fc
  .record({
    org: anyOrg,
    runId: anyRunId,
    jobId: anyJobId,
    triggerId: anyTriggerId,
    a: word,
    b: word,
    agentId,
    step,
  })
  .chain(({ org, runId, jobId, triggerId, a, b, agentId: agent, step: at }) => {
    const agentToken = foreignToken(agent);
    return fc.constantFrom<Case>(
      {
        subject: subjects.trigger(org, a, triggerId, at),
        means: { family: 'trigger', org, source: a, triggerId, step: at },
      },
      {
        subject: subjects.run(org, runId, `${a}.${b}`),
        means: { family: 'run', org, runId, type: `${a}.${b}` },
      },
      {
        subject: subjects.runTo(org, runId, agent, a),
        means: { family: 'run-to', org, runId, agentToken, event: a },
      },
      {
        subject: subjects.heartbeat(org, runId, jobId),
        means: { family: 'heartbeat', org, runId, jobId },
      },
      { subject: subjects.log(org, runId, jobId), means: { family: 'log', org, runId, jobId } },
      { subject: subjects.agentLog(org, agent), means: { family: 'agentlog', org, agentToken } },
      {
        subject: subjects.agent(org, agent, a),
        means: { family: 'agent', org, agentToken, event: a },
      },
      { subject: subjects.config(org, a, b), means: { family: 'config', org, kind: a, name: b } },
      { subject: subjects.gate(org, a, b), means: { family: 'gate', org, kind: a, key: b } },
      {
        subject: subjects.upstream(org, a, `${b}.x`),
        means: { family: 'upstream', org, runId: a, type: `${b}.x` },
      },
      { subject: subjects.dead(org, a), means: { family: 'dead', org, origin: a } },
    );
  });

/** The subject that a parsed one came from. */
function build(parsed: ParsedSubject): string {
  switch (parsed.family) {
    case 'trigger':
      return subjects.trigger(parsed.org, parsed.source, parsed.triggerId, parsed.step);
    case 'run':
      return subjects.run(parsed.org, parsed.runId, parsed.type);
    case 'run-to':
      return subjects.run(parsed.org, parsed.runId, `to.${parsed.agentToken}.${parsed.event}`);
    case 'heartbeat':
      return subjects.heartbeat(parsed.org, parsed.runId, parsed.jobId);
    case 'log':
      return subjects.log(parsed.org, parsed.runId, parsed.jobId);
    case 'agentlog':
      return `wb.v1.agentlog.${shardOf(parsed.org)}.${parsed.org}.${parsed.agentToken}`;
    case 'agent':
      return `wb.v1.agent.${shardOf(parsed.org)}.${parsed.org}.${parsed.agentToken}.${parsed.event}`;
    case 'config':
      return subjects.config(parsed.org, parsed.kind, parsed.name);
    case 'gate':
      return subjects.gate(parsed.org, parsed.kind, parsed.key);
    case 'upstream':
      return subjects.upstream(parsed.org, parsed.runId, parsed.type);
    case 'dead':
      return subjects.dead(parsed.org, parsed.origin);
  }
}

/** How the server matches a filter: `*` is one token, `>` at the end one or more. */
function matches(filter: string, subject: string): boolean {
  const pattern = filter.split('.');
  const tokens = subject.split('.');
  if (pattern.at(-1) === '>')
    return (
      tokens.length >= pattern.length &&
      matches(pattern.slice(0, -1).join('.'), tokens.slice(0, pattern.length - 1).join('.'))
    );
  return (
    pattern.length === tokens.length &&
    pattern.every((part, index) => part === '*' || part === tokens[index])
  );
}

describe('builders and parser are each other’s inverse', () => {
  it('a subject that a builder made reads as what went in', () => {
    fc.assert(
      fc.property(anyCase, ({ subject, means }) => {
        expect(parseSubject(subject)).toEqual(means);
      }),
      runsOf(1_000),
    );
  });

  it('a subject that reads is one that its builder makes, letter for letter', () => {
    const damaged = fc
      .tuple(
        anyCase,
        fc.nat(),
        fc.constantFrom('', '.', 'x', '*', '>', ' ', '.to', '\n', 'ä'),
        fc.nat(2),
      )
      .map(([{ subject }, at, text, cut]) => {
        const place = at % (subject.length + 1);
        return subject.slice(0, place) + text + subject.slice(place + cut);
      });
    fc.assert(
      fc.property(fc.oneof(damaged, anyText), (subject) => {
        const parsed = parseSubject(subject);
        if (parsed !== undefined) expect(build(parsed)).toBe(subject);
      }),
      runsOf(2_000),
    );
  });

  it('a subject has only tokens that the server takes', () => {
    fc.assert(
      fc.property(anyCase, ({ subject }) => {
        for (const token of subject.split('.')) expect(isToken(token)).toBe(true);
      }),
      runsOf(300),
    );
  });
});

describe('junk does not read', () => {
  const shard = shardOf('main');
  it.each([
    '',
    'wb',
    'wb.v1',
    'wb.v1.run',
    `wb.v2.run.${shard}.main.r.job.ack`,
    `wb.v1.live.run.${shard}.main.r.job.ack`,
    `wb.v1.run.00.main.r.job.ack`,
    `wb.v1.run.${shard}.other.r.job.ack`,
    `wb.v1.run.${shard}.main.r.job`,
    `wb.v1.run.${shard}.main.r.job.ack.more`,
    `wb.v1.run.${shard}.main.r.to.agent`,
    `wb.v1.run.${shard}.main.r.to.agent.offered.twice`,
    `wb.v1.run.${shard}.main.*.job.ack`,
    `wb.v1.run.${shard}.main.>`,
    `wb.v1.run.${shard}.main..job.ack`,
    `wb.v1.trigger.${shard}.main.github.key.refused`,
    `wb.v1.log.${shard}.main.r`,
    `wb.v1.agent.${shard}.main.a`,
    'wb.v1.config.main.rule',
    'wb.v1.config.main.rule.ci.2',
    'wb.v1.dead.main',
    'wb.v1.dead.main.a.b',
    `wb.v1.toString.${shard}.main.a.b`,
    `WB.v1.run.${shard}.main.r.job.ack`,
  ])('%j', (subject) => {
    expect(parseSubject(subject)).toBeUndefined();
  });
});

describe('streams and filters', () => {
  it('every subject lies in exactly one stream, but for what nobody keeps', () => {
    fc.assert(
      fc.property(anyCase, ({ subject, means }) => {
        const holders = streamNames.filter((name) =>
          streams[name].subjects.some((filter) => matches(filter, subject)),
        );
        expect(holders).toHaveLength(means.family === 'upstream' ? 0 : 1);
      }),
      runsOf(300),
    );
  });

  it('a run’s filter has everything of the run, addressed or not, and nothing of another', () => {
    fc.assert(
      fc.property(anyOrg, anyRunId, anyRunId, fc.tuple(word, word), (org, runId, other, [a, b]) => {
        const filter = subjects.runFilter(org, runId);
        const plain = subjects.run(org, runId, `${a}.${b}`);
        const addressed = subjects.runTo(org, runId, a, b);
        expect([plain, addressed].map((subject) => matches(filter, subject))).toEqual([true, true]);
        expect(matches(filter, subjects.run(org, other, `${a}.${b}`))).toBe(other === runId);
        expect(matches(subjects.runsOf(org), plain)).toBe(true);
        expect(matches(allSubjects.addressed, addressed)).toBe(true);
        expect(matches(allSubjects.addressed, plain)).toBe(false);
        expect(matches(allSubjects.runEvent(`${a}.${b}`), plain)).toBe(true);
        expect(matches(subjects.logsOf(org, runId), subjects.log(org, runId, a))).toBe(true);
      }),
      runsOf(200),
    );
  });

  it('a trigger’s filters find both of its steps, and it from its id alone', () => {
    const [org, source, id] = ['main', 'github', 'abc'] as const;
    for (const at of ['received', 'decided'] as const)
      expect(
        matches(subjects.triggerFilter(org, source, id), subjects.trigger(org, source, id, at)),
      ).toBe(true);
    expect(
      matches(subjects.triggerAnySource(org, id), subjects.trigger(org, source, id, 'received')),
    ).toBe(true);
    expect(
      matches(subjects.triggerAnySource(org, id), subjects.trigger(org, source, id, 'decided')),
    ).toBe(false);
  });

  it('record streams have no limit of age or size, and the others a limit of age', () => {
    for (const spec of Object.values(streams)) {
      const isBounded = spec.keeps === 'bounded';
      expect([spec.name, spec.maxAgeMs !== undefined]).toEqual([spec.name, isBounded]);
      if (!isBounded) expect(spec.maxBytes).toBeUndefined();
    }
    expect(streamNames.filter((name) => streams[name].keeps === 'all')).toEqual([
      'WB_TRIGGERS',
      'WB_RUNS',
      'WB_CONFIG',
      'WB_GATES',
    ]);
  });

  it('what is republished lies outside of every stream, so that no message is stored twice', () => {
    for (const { republish } of Object.values(streams)) {
      if (republish === undefined) continue;
      const copy = republish.dest.replace('>', 'x.main.r.job.ack');
      expect(
        Object.values(streams)
          .flatMap((spec) => spec.subjects)
          .filter((filter) => matches(filter, copy)),
      ).toEqual([]);
    }
  });
});
