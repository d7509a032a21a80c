import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packed, unpacked } from './snapshot-parts.ts';

const collected = async (source: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> => {
  const all: Uint8Array[] = [];
  for await (const each of source) all.push(each);
  return all;
};
const rest = async (): Promise<void> => undefined;

describe('parts of a snapshot', () => {
  it('come back exactly as they were, whatever the size of a chunk', async () => {
    const parts = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(parts, fc.integer({ min: 1, max: 50 }), async (given, chunkBytes) => {
        const chunks = await collected(packed(given, chunkBytes));
        expect(chunks.slice(0, -1).every(({ length }) => length === chunkBytes)).toBe(true);
        const found = await collected(unpacked(chunks, rest));
        expect(found.map((part) => [...part])).toEqual(given.map((part) => [...part]));
        expect(chunks).toEqual([]);
      }),
    );
  });

  it('that end too early are a defect, not a shorter part', async () => {
    const [chunk = new Uint8Array()] = await collected(packed([new Uint8Array(10)], 100));
    await expect(collected(unpacked([chunk.subarray(0, 9)], rest))).rejects.toThrow(RangeError);
    await expect(collected(unpacked([chunk.subarray(0, 2)], rest))).rejects.toThrow(RangeError);
  });
});
