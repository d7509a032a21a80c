import { wire } from '@waybill/protocol';
import { describe, expect, it } from 'vitest';
import { shortened } from './long-line.ts';

const { lineCharsMax, linesMax } = wire.wireLimits;
const job = { messageId: 'm', runId: 'r', jobId: 'j', stepIndex: 0, timestamp: 1 };
const encode = (frame: object): Uint8Array => new TextEncoder().encode(JSON.stringify(frame));

function taken(frame: object): ReturnType<typeof shortened> {
  const raw = encode(frame);
  const parsed = wire.parseAgentFrame(raw);
  return parsed.ok ? undefined : shortened(parsed, raw);
}
const linesOf = (short: ReturnType<typeof shortened>): readonly string[] =>
  short?.frame.message.type === 'log.chunk' ? short.frame.message.lines : [];

describe('a line of a log that is too long', () => {
  it('is shortened with a word of it, and everything else is as it came', () => {
    const long = 'x'.repeat(lineCharsMax + 5);
    const short = taken({ type: 'log.chunk', ...job, lines: ['a', long, 'b'], extra: { kept: 1 } });
    expect(short?.frame.message).toMatchObject({ ...job, extra: { kept: 1 } });
    const [first, cut, last] = linesOf(short);
    expect([first, last]).toEqual(['a', 'b']);
    expect(cut).toHaveLength(lineCharsMax);
    expect(cut).toMatch(/^x+ … \[1048581 characters, the rest was not kept\]$/);
    expect(JSON.parse(new TextDecoder().decode(short?.raw))).toEqual(short?.frame.message);
  });

  it('leaves no half of a character', () => {
    const short = taken({ type: 'log.chunk', ...job, lines: ['😀'.repeat(lineCharsMax + 1)] });
    expect(linesOf(short)[0]?.isWellFormed()).toBe(true);
  });

  it('is no reason to lose an operational log, nor are too many lines', () => {
    const lines = Array.from({ length: linesMax + 2 }, (_, index) => `${index}`);
    const short = taken({ type: 'log.chunk', ...job, lines });
    expect(linesOf(short)).toHaveLength(linesMax);
    expect(linesOf(short).at(-1)).toBe(`… [${linesMax + 2} lines, the rest was not kept]`);
    const own = { type: 'agent.log', messageId: 'm', agentId: 'a', timestamp: 1 };
    expect(taken({ ...own, lines: ['x'.repeat(lineCharsMax + 1)] })?.frame.ok).toBe(true);
  });

  it.each([
    ['a line', 'x'],
    ['a line that is too long', 'x'.repeat(lineCharsMax + 1)],
  ])('excuses nothing that is nested without end beside %s', (_name, line) => {
    const [open, close] = ['[', ']'].map((each) => each.repeat(200_000));
    const text = JSON.stringify({ type: 'log.chunk', ...job, lines: [line], extra: 0 });
    const raw = new TextEncoder().encode(text.replace(/0\}$/, `${open}${close}}`));
    const parsed = wire.parseAgentFrame(raw);
    expect(parsed.ok ? undefined : parsed.code).toBe('invalid');
    expect(parsed.ok ? parsed : shortened(parsed, raw)).toBeUndefined();
  });

  it('excuses nothing else', () => {
    const long = 'x'.repeat(lineCharsMax + 1);
    expect(taken({ type: 'log.chunk', ...job, jobId: '', lines: [long] })).toBeUndefined();
    expect(taken({ type: 'log.chunk', ...job, lines: [1] })).toBeUndefined();
    expect(taken({ type: 'job.ack', ...job, jobId: '' })).toBeUndefined();
  });
});
