import { foldRun, type RunEvent } from '@waybill/protocol';
import { describe, expect, it } from 'vitest';
import { openLiveTable } from './live-table.ts';
import { eventOf, runOf, type StoryStep, storySteps } from './run-story.fixture.ts';

const run = runOf(1);
const story = (steps: readonly StoryStep[], of = run, from = 1): readonly RunEvent[] =>
  steps.map((step, at) => eventOf(of, step, from + at));
const live = (table: ReturnType<typeof openLiveTable>): readonly (string | undefined)[] =>
  [...table.runs()].map(({ created }) => created?.runId);

describe('the table of live runs', () => {
  it('has a run from its creation to its end, and then only knows that it finished', () => {
    const table = openLiveTable();
    const all = story(storySteps);
    for (const event of all.slice(0, -1)) {
      const { before, run: after, isVoid } = table.fold(event);
      expect(isVoid).toBe(false);
      expect(after.seq).toBe(event.seq);
      expect(before.seq).toBe(event.seq - 1);
      expect(table.run(run)).toBe(after);
    }
    const [end] = all.slice(-1);
    expect(end && table.fold(end)).toMatchObject({ isVoid: false, run: { state: 'success' } });
    expect(table.run(run)).toBeUndefined();
    expect(live(table)).toEqual([]);
    expect(table.isFinished(run)).toBe(true);
  });

  it('judges as the whole fold does', () => {
    const table = openLiveTable();
    const all = [...story(['created', 'offered', 'ack']), eventOf(run, 'offered', 4, 1)];
    const last = all.map((event) => table.fold(event)).at(-1);
    const whole = foldRun(all);
    expect(last?.isVoid).toBe(true);
    expect(last?.run.lastVoid).toEqual(whole.lastVoid);
    expect(last?.run.anomalies).toBe(1);
  });

  it('keeps nothing of what was never created', () => {
    const table = openLiveTable();
    const [, ack] = story(['created', 'ack']);
    expect(ack && table.fold(ack)).toMatchObject({ isVoid: true, run: { state: 'absent' } });
    const foreign = { ...eventOf(runOf(2), 'created', 3), runId: run };
    expect(table.fold(foreign)).toMatchObject({ isVoid: true, run: { state: 'absent', seq: 0 } });
    expect(live(table)).toEqual([]);
    expect(table.isFinished(run)).toBe(false);
  });

  it('lets nothing bring a finished run back, a second creation neither', () => {
    const table = openLiveTable();
    for (const event of story(storySteps)) table.fold(event);
    for (const event of story(storySteps, run, 100))
      expect(table.fold(event)).toMatchObject({ isVoid: true, run: { state: 'absent' } });
    expect(live(table)).toEqual([]);
  });

  it('is the same again from its state, which later events do not change', () => {
    const table = openLiveTable();
    for (const event of story(storySteps, runOf(1), 1)) table.fold(event);
    for (const event of story(['created', 'offered'], runOf(2), 10)) table.fold(event);
    const state = table.state();
    const again = openLiveTable(state);
    for (const event of story(['ack'], runOf(2), 12)) {
      expect(table.fold(event)).toEqual(again.fold(event));
      expect(state.runs[0]?.jobs[0]?.state).toBe('offered');
    }
    expect(again.state()).toEqual(table.state());
    expect(again.isFinished(runOf(1))).toBe(true);
  });

  it('calls an event that it has folded before void, and stays as it was', () => {
    const table = openLiveTable();
    const [created] = story(['created']);
    if (created === undefined) throw new Error('a story begins');
    const { run: first } = table.fold(created);
    expect(table.fold(created)).toMatchObject({ isVoid: true });
    expect(table.run(run)).toEqual(first);
  });
});
