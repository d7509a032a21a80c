import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JobState } from '../src/states.ts';
import { root } from './generate.ts';

const read = (path: string): string => readFileSync(join(root, path), 'utf8');

describe('docs/invariants.md', () => {
  const page = read('docs/invariants.md');
  const sections = page.split(/^## /m).slice(1);

  it('has the 14 in their order', () => {
    expect(sections.map((section) => Number.parseInt(section, 10))).toEqual(
      Array.from({ length: 14 }, (_, index) => index + 1),
    );
  });

  it('says of each where it is checked or that it is not', () => {
    for (const section of sections)
      expect(section).toMatch(/^(?:- `(?:libs|services|tests)\/|Not yet checked: )/m);
  });

  it('names checks that exist', () => {
    const paths = [...page.matchAll(/`((?:libs|services|tests|apps)\/[^`*]+)`/g)].map(
      ([, path = '']) => path,
    );
    expect(paths.length).toBeGreaterThan(30);
    expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });
});

describe('docs/terminology.md', () => {
  const lines = read('docs/terminology.md')
    .split('\n')
    .filter((line) => line.startsWith('- '));
  const entries = lines.map((line) => /^- \*\*([a-z ]+)\*\*: (.+)$/.exec(line));
  const words = entries.map((entry) => entry?.[1] ?? '');

  it('explains each word in one sentence, once, in the order of the alphabet', () => {
    for (const [index, entry] of entries.entries())
      expect([lines[index], entry?.[2]]).toEqual([
        lines[index],
        expect.stringMatching(/^[A-Z][^.]*(?:\.waybill[^.]*)?\.$/),
      ]);
    expect(words).toEqual([...new Set(words)].toSorted((a, b) => (a < b ? -1 : 1)));
  });

  it('has the words that everything else is made of', () => {
    const needed = [
      'agent',
      'anomaly',
      'attempt',
      'checkpoint',
      'decision',
      'delivery id',
      'dispatcher',
      'fact',
      'fence',
      'fold',
      'gateway',
      'generation',
      'job',
      'key ring',
      'lease',
      'offer',
      'org',
      'projection',
      'projector',
      'record',
      'rule',
      'run',
      'runner',
      'scheduler',
      'seal',
      'session',
      'shard',
      'source',
      'step',
      'stream',
      'trigger',
      'void',
    ];
    expect(needed.filter((word) => !words.includes(word))).toEqual([]);
    const own: readonly JobState[] = ['held', 'waiting', 'pending', 'recovering', 'skipped'];
    expect(own.filter((state) => !words.includes(state))).toEqual([]);
  });
});
