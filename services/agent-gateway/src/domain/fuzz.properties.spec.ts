import {
  foldRun,
  headersOf,
  type RunEvent,
  readRunMessage,
  runView,
  wire,
} from '@waybill/protocol';
import { anyValidFrame, brokenFrame, type ValidFrame } from '@waybill/protocol/frames';
import { wireSamples } from '@waybill/protocol/samples';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { custodyBook } from './custody.ts';
import { isJobFrame, jobFact } from './fact.ts';
import { type Input, initial, type State, step } from './session-protocol.ts';
import { created, JOB, ORG, offered, RUN } from './stored-run.fixture.ts';

const runs = { numRuns: Number(process.env['FC_RUNS'] ?? 300) };
const book = custodyBook({ endedRunsMax: 1 });
book.offered(offered(2));
const custody = book.find({ runId: RUN, jobId: JOB, attempt: 1 });
if (custody === undefined) throw new Error('not there');
const who = { org: ORG, agentId: 'a', session: 7 };
const encoder = new TextEncoder();

/** As if it were said of the job in hand, which the message then fits as well as before. */
function ofTheJob({ text }: ValidFrame): string {
  const frame = JSON.parse(text) as Readonly<Record<string, unknown>>; // it was valid
  return JSON.stringify({
    ...frame,
    ...('runId' in frame ? { runId: RUN } : {}),
    ...('jobId' in frame ? { jobId: JOB } : {}),
  });
}

describe('valid frames of any kind', () => {
  it('are redacted, become facts, and are folded and shown without a throw', () => {
    fc.assert(
      fc.property(fc.array(anyValidFrame('agent').map(ofTheJob), { maxLength: 12 }), (texts) => {
        const events: RunEvent[] = [created(1), offered(2)];
        for (const [index, text] of texts.entries()) {
          const parsed = wire.parseAgentFrame(text);
          if (!parsed.ok) throw new Error(`not valid any more: ${JSON.stringify(parsed)}`);
          JSON.stringify(wire.redact(wire.AgentMessage, parsed.message));
          if (!isJobFrame(parsed.message)) continue;
          const spoken = { who, frameNo: index + 1, resends: index % 2 === 0 };
          const draft = jobFact(parsed.message, text, custody, spoken);
          const headers = headersOf(draft);
          if (draft.stream !== 'WB_RUNS') continue;
          const event = readRunMessage({
            stream: 'WB_RUNS',
            seq: index + 3,
            at: 1_700_000_000_000 + index,
            subject: draft.subject,
            header: (name) => headers[name],
            body: encoder.encode(text),
          });
          if (event !== undefined) events.push(event);
        }
        const run = foldRun(events);
        expect(run.seq).toBeGreaterThan(1);
        JSON.stringify(runView(run, ORG, RUN));
      }),
      runs,
    );
  });
});

describe('one socket', () => {
  const samples = Object.values(wireSamples).filter(
    (sample) => wire.parseAgentFrame(JSON.stringify(sample)).ok,
  );
  const valid = anyValidFrame('agent').map(({ text }) => text);
  const broken = fc.oneof(...samples.map((sample) => brokenFrame('agent', { ...sample })));
  const signIn = (token: string) =>
    token === 'good' ? { org: ORG, scalerManaged: false } : undefined;
  const known = fc.constantFrom(
    { type: 'auth.request', token: 'good', protocolVersion: 1 },
    { type: 'agent.register', messageId: 'm', agentId: 'a', labels: [] },
  );
  const given = fc.oneof(
    { weight: 3, arbitrary: known.map((frame) => JSON.stringify(frame)) },
    { weight: 3, arbitrary: valid },
    { weight: 1, arbitrary: broken.map(({ text }) => text) },
    { weight: 1, arbitrary: fc.uint8Array().map((bytes) => Uint8Array.from(bytes)) },
  );

  it('never takes what is broken, answers it, and is over after it unless nobody defined its type', () => {
    fc.assert(
      fc.property(fc.array(given, { maxLength: 30 }), (list) => {
        let state: State = initial;
        for (const [index, one] of list.entries()) {
          const raw = typeof one === 'string' ? encoder.encode(one) : one;
          const frame = wire.parseAgentFrame(raw);
          const input: Input = { type: 'frame', frame, raw, frameNo: index + 1 };
          const before: State = state;
          const next = step(before, input, { signIn, connectionId: 'c' });
          state = next.state;
          const types = next.effects.map((effect) => effect.type);
          if (before.phase === 'closed') expect(types).toEqual([]);
          else if (!frame.ok) {
            expect(types).not.toContain('take');
            expect(types).not.toContain('register');
            const stays = frame.code === 'unknown-type' && before.phase !== 'authenticating';
            expect(state.phase === 'closed').toBe(!stays);
            expect(types).toContain('send');
          }
          if (state.phase === 'settling')
            state = step(state, { type: 'settled' }, { signIn, connectionId: 'c' }).state;
        }
      }),
      runs,
    );
  });
});
