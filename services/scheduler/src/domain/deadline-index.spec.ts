import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDeadlineIndex } from './deadline-index.ts';

describe('the index', () => {
  it('gives what is due, the earliest first, once, and nothing that was replaced', () => {
    const index = createDeadlineIndex();
    index.set('a', 100);
    index.set('a', 200);
    index.set('b', 150);
    expect(index.takeDue(150)).toEqual([]);
    expect(index.nextDueAt()).toBe(150);
    expect(index.takeDue(201)).toEqual(['b', 'a']);
    expect(index.takeDue(999)).toEqual([]);
    index.set('a', 300);
    expect(index.nextDueAt()).toBe(300);
    index.set('a', undefined);
    expect(index.nextDueAt()).toBeUndefined();
  });

  it('gives again what is set again for the same time', () => {
    const index = createDeadlineIndex();
    index.set('a', 100);
    expect(index.takeDue(101)).toEqual(['a']);
    index.set('a', 100);
    expect(index.takeDue(101)).toEqual(['a']);
  });

  it('agrees with a plain list over random histories', () => {
    const time = fc.integer({ min: 0, max: 60 });
    const operation = fc.oneof(
      fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd'), due: fc.option(time) }),
      fc.record({ now: time }),
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
        const index = createDeadlineIndex();
        const list = new Map<string, number>();
        for (const each of operations) {
          if ('now' in each) {
            const due = [...list].filter(([, at]) => at < each.now);
            const given = index.takeDue(each.now);
            expect(new Set(given)).toEqual(new Set(due.map(([key]) => key)));
            const times = given.map((key) => list.get(key) ?? 0);
            expect(times).toEqual(times.toSorted((a, b) => a - b));
            for (const key of given) list.delete(key);
          } else {
            index.set(each.key, each.due ?? undefined);
            if (each.due === null) list.delete(each.key);
            else list.set(each.key, each.due);
          }
          expect(index.nextDueAt()).toBe([...list.values()].toSorted((a, b) => a - b)[0]);
        }
      }),
    );
  });

  it('does not grow with what was replaced', () => {
    const index = createDeadlineIndex();
    for (let turn = 0; turn < 10_000; turn++) index.set('a', turn);
    expect(index.size()).toBeLessThan(2_000);
    expect(index.nextDueAt()).toBe(9_999);
  });
});
