import fc from 'fast-check';
import { expect, test } from 'vitest';
import { runsOf } from './arbitrary.fixture.ts';
import { addId, emptyIdSet, hasId, type IdSet } from './id-set.ts';

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
      expect(ids.reduce((sum, part) => sum + part.size, 0)).toBe(size);
      expect(ids.length).toBeLessThanOrEqual(Math.floor(Math.log2(size)) + 1);
    }),
    runsOf(20),
  );
});
