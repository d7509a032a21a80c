/** Whatever is placed, moved and removed: the first is the least of those that are there. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createRanking } from './ranking.ts';

const change = fc.record({ item: fc.nat(20), rank: fc.nat(10), isGone: fc.boolean() });

it('has the least first, whatever comes, moves and goes', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 200 }), (changes) => {
      const items = Array.from({ length: 21 }, (_, name) => ({ name, rank: 0 }));
      const ranking = createRanking<(typeof items)[number]>((a, b) => a.rank < b.rank);
      const there = new Set<(typeof items)[number]>();
      for (const { item, rank, isGone } of changes) {
        const each = items[item];
        if (each === undefined) continue;
        if (isGone) {
          ranking.remove(each);
          there.delete(each);
        } else {
          each.rank = rank;
          ranking.place(each);
          there.add(each);
        }
        expect(ranking.size()).toBe(there.size);
        expect(ranking.has(each)).toBe(there.has(each));
        const least = Math.min(...[...there].map((other) => other.rank));
        expect(ranking.first()?.rank ?? Number.POSITIVE_INFINITY).toBe(least);
      }
    }),
  );
});
