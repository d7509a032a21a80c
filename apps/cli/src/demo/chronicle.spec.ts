import { manualClock } from '@waybill/process';
import { describe, expect, it } from 'vitest';
import { openChronicle } from './chronicle.ts';

const at = (ms: number): string => new Date(ms).toISOString();

describe('the chronicle', () => {
  it('tells what two streams bring in the order in which it happened', async () => {
    const clock = manualClock();
    const told: string[] = [];
    const chronicle = openChronicle(clock, (line) => told.push(line));
    chronicle.add(at(3), ['step ends']);
    await clock.advance(100);
    chronicle.add(at(2), ['a line', 'and another']);
    chronicle.add(at(1), ['step begins']);
    expect(told).toEqual([]);
    await clock.advance(200);
    expect(told).toEqual(['step begins', 'a line', 'and another', 'step ends']);
    chronicle.add(at(4), ['the end']);
    chronicle.close();
    expect(told.at(-1)).toBe('the end');
  });
});
