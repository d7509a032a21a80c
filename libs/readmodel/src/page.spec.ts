import { describe, expect, it } from 'vitest';
import {
  limitOf,
  nameCursor,
  nameOf,
  pageOf,
  placeCursor,
  placeOf,
  seqCursor,
  seqOf,
} from './page.ts';

describe('cursors', () => {
  it('read back what they were made from', () => {
    expect(seqOf(seqCursor(42))).toBe(42);
    expect(nameOf(nameCursor('agent-1'))).toBe('agent-1');
    const place = { at: '2026-01-02T03:04:05.678Z', id: 'run-0-0-p1' };
    expect(placeOf(placeCursor(place))).toEqual(place);
    expect(placeOf(undefined)).toBeNull();
  });

  it('are refused when nobody here made them', () => {
    for (const cursor of ['', '42', '%', `${seqCursor(42)}A`, nameCursor('x'), seqCursor(-1)])
      expect(seqOf(cursor), cursor).toBeUndefined();
    for (const cursor of ['', 'agent-1', seqCursor(42), nameCursor("'; drop")])
      expect(nameOf(cursor), cursor).toBeUndefined();
    const never = { at: '2026-99-02T03:04:05.678Z', id: 'x' };
    for (const cursor of ['', 'x', seqCursor(42), placeCursor(never)])
      expect(placeOf(cursor), cursor).toBeUndefined();
  });
});

describe('pages', () => {
  it('hold at most 200 items and at least one', () => {
    expect([undefined, 0, -5, 1.9, 1e9].map((limit) => limitOf({ limit }))).toEqual([
      50, 1, 1, 1, 200,
    ]);
  });

  it('name a next page only when there is one', () => {
    const o = { item: String, cursor: (row: number) => `after ${row}` };
    expect(pageOf([1, 2], 2, o)).toEqual({ items: ['1', '2'], next: null });
    expect(pageOf([1, 2, 3], 2, o)).toEqual({ items: ['1', '2'], next: 'after 2' });
    expect(pageOf([], 2, o)).toEqual({ items: [], next: null });
  });
});
