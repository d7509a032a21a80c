import { expect, it } from 'vitest';
import { rememberFinished } from './finished-runs.ts';

it('as many as the bound are remembered, and the oldest is forgotten first', () => {
  const finished = rememberFinished(3);
  for (const id of ['a', 'b', 'c', 'b', 'd', 'e']) finished.add(id);
  expect(finished.ids()).toEqual(['c', 'd', 'e']);
  expect(['a', 'b', 'c', 'd', 'e'].map(finished.has)).toEqual([false, false, true, true, true]);
});

it('what was forgotten may be remembered again', () => {
  const finished = rememberFinished(2);
  for (const id of ['a', 'b', 'c', 'a']) finished.add(id);
  expect(finished.ids()).toEqual(['c', 'a']);
});

it('what is given back oldest first makes the same memory again', () => {
  const finished = rememberFinished(3);
  for (const id of ['a', 'b', 'c', 'd']) finished.add(id);
  const again = rememberFinished(3);
  for (const id of finished.ids()) again.add(id);
  again.add('e');
  finished.add('e');
  expect(again.ids()).toEqual(finished.ids());
});
