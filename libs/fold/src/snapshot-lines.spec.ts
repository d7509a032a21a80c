import { manualClock } from '@waybill/process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openLiveTable } from './live-table.ts';
import { eventOf, runOf, storySteps } from './run-story.fixture.ts';
import { type Pace, paced, partsOf, type Saved, savedIn } from './snapshot-lines.ts';

const atOnce: Pace = () => undefined;
const never = new AbortController().signal;

/** Some runs, each as far as its number of steps. */
function stateAfter(steps: readonly number[]): Pick<Saved, 'runs' | 'finished'> {
  const table = openLiveTable();
  let seq = 0;
  for (const [index, count] of steps.entries())
    for (const step of storySteps.slice(0, count)) {
      seq += 1;
      table.fold(eventOf(runOf(index), step, seq));
    }
  return table.state();
}

async function partsIn(saved: Saved): Promise<Uint8Array[]> {
  const parts: Uint8Array[] = [];
  for await (const part of partsOf(saved, atOnce, never)) parts.push(part);
  return parts;
}

async function* streamed(parts: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
  yield* parts;
}

describe('a snapshot', () => {
  it('gives back what was saved, wherever its parts are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(storySteps.length), { maxLength: 6 }),
        fc.array(fc.string({ unit: 'binary' }).map((text) => text.toWellFormed())),
        fc.integer({ min: 50, max: 3_000 }),
        async (steps, beside, size) => {
          const saved = { ...stateAfter(steps), at: 42, beside };
          const whole = Buffer.concat(await partsIn(saved));
          const cut: Uint8Array[] = [];
          for (let at = 0; at < whole.length; at += size) cut.push(whole.subarray(at, at + size));
          expect(await savedIn(streamed(cut), atOnce)).toEqual(saved);
        },
      ),
      { numRuns: 10 },
    );
  });

  it('has parts of about a megabyte', async () => {
    const saved = { ...stateAfter([]), at: 0, beside: Array(300).fill('x'.repeat(10_000)) };
    const lengths = (await partsIn(saved)).map((part) => part.length);
    expect(lengths).toHaveLength(3);
    expect(Math.max(...lengths)).toBeLessThan(1_020_000);
  });

  it('that ends too early is refused', async () => {
    const saved = { ...stateAfter([1, 2, 6]), at: 0, beside: ['a'] };
    const whole = Buffer.concat(await partsIn(saved));
    const lines = whole.toString().split('\n');
    for (const left of ['', `${lines.slice(0, -2).join('\n')}\n`, whole.toString().slice(0, -1)])
      await expect(savedIn(streamed([Buffer.from(left)]), atOnce)).rejects.toThrow(RangeError);
  });

  it('is written no further when it is not wanted any more', async () => {
    const stopping = new AbortController();
    const parts = partsOf({ ...stateAfter([1]), at: 0, beside: [] }, atOnce, stopping.signal);
    stopping.abort(new Error('stopped'));
    await expect(parts.next()).rejects.toThrow('stopped');
  });
});

describe('a pace', () => {
  it('asks for a turn of others once a slice of time is over', async () => {
    const clock = manualClock();
    const pace = paced(clock);
    expect(pace()).toBeUndefined();
    await clock.advance(8);
    const turn = pace();
    expect(turn).toBeInstanceOf(Promise);
    await clock.advance(0);
    await turn;
    expect(pace()).toBeUndefined();
  });
});
