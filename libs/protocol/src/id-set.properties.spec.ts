import fc from 'fast-check';
import { expect, test } from 'vitest';
import { runsOf } from './arbitrary.fixture.ts';
import { addId, emptyIdSet, hasId, type IdSet, marksOf, ofMarks } from './id-set.ts';

const anyId = fc.oneof(fc.constantFrom('', 'a', 'b', '__proto__'), fc.string());

test('it holds what a Set holds, and every earlier version of it still does', () => {
  fc.assert(
    fc.property(fc.array(anyId, { maxLength: 80 }), anyId, (added, other) => {
      const versions: { ids: IdSet; model: ReadonlySet<string> }[] = [
        { ids: emptyIdSet, model: new Set() },
      ];
      for (const id of added) {
        const { ids, model } = versions.at(-1) ?? { ids: emptyIdSet, model: new Set<string>() };
        versions.push({ ids: addId(ids, id), model: new Set([...model, id]) });
      }
      for (const { ids, model } of versions)
        for (const id of [...added, other]) expect(hasId(ids, id)).toBe(model.has(id));
    }),
    runsOf(300),
  );
});

test('it has no more parts than its size has binary digits', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2_000 }), (size) => {
      let ids = emptyIdSet;
      for (let id = 0; id < size; id++) ids = addId(ids, String(id));
      expect(ids.reduce((sum, part) => sum + part.length, 0)).toBe(size);
      expect(ids.length).toBeLessThanOrEqual(Math.floor(Math.log2(size)) + 1);
    }),
    runsOf(20),
  );
});

test('adding what it holds gives the same set', () => {
  fc.assert(
    fc.property(fc.array(anyId, { minLength: 1, maxLength: 80 }), (added) => {
      const ids = added.reduce(addId, emptyIdSet);
      for (const id of added) expect(addId(ids, id)).toBe(ids);
    }),
    runsOf(100),
  );
});

test('it is the same set again from its numbers, which stand in order', () => {
  fc.assert(
    fc.property(fc.array(anyId, { maxLength: 200 }), anyId, (added, other) => {
      const ids = added.reduce(addId, emptyIdSet);
      const marks = marksOf(ids);
      expect(marks).toEqual(marks.toSorted((a, b) => a - b));
      expect(marks).toHaveLength(new Set(added).size);
      const again = addId(ofMarks(marks), other);
      for (const id of [...added, other]) expect(hasId(again, id)).toBe(true);
      expect(hasId(ofMarks(marks), other)).toBe(added.includes(other));
    }),
    runsOf(100),
  );
});
