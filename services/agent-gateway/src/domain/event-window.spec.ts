import { describe, expect, it } from 'vitest';
import { eventWindow } from './event-window.ts';

const open = (keysMax = 10) => eventWindow({ windowMs: 60_000, countMax: 100, keysMax });

describe('a window of a minute for a hundred events of one name', () => {
  it('lets a hundred in and the next one when the first is a minute old', () => {
    const window = open();
    for (let at = 0; at < 100; at++) expect(window.admits('a', `e${at}`, at)).toBe(true);
    expect(window.admits('a', 'late', 59_999)).toBe(false);
    expect(window.admits('a', 'late', 60_000)).toBe(true);
    expect(window.admits('a', 'later', 60_000)).toBe(false);
    expect(window.admits('a', 'later', 60_001)).toBe(true);
  });

  it('counts each name by itself', () => {
    const window = open();
    for (let at = 0; at < 100; at++) window.admits('a', `e${at}`, 0);
    expect(window.admits('a', 'x', 1)).toBe(false);
    expect(window.admits('b', 'x', 1)).toBe(true);
  });

  it('does not count a repeat, nor refuse it', () => {
    const window = open();
    for (let at = 0; at < 300; at++) expect(window.admits('a', `e${at % 100}`, at)).toBe(true);
    expect(window.admits('a', 'x', 300)).toBe(false);
    expect(window.admits('a', 'e7', 300)).toBe(true);
  });

  it('forgets the name that was emitted the longest time ago where there are too many', () => {
    const window = open(2);
    for (let at = 0; at < 100; at++) window.admits('a', `e${at}`, 0);
    window.admits('b', 'x', 1);
    window.admits('c', 'x', 2);
    expect(window.admits('a', 'x', 3)).toBe(true);
  });
});
