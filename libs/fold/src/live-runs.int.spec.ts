/** On a real log: what is restored is what was folded, whatever becomes of the snapshot, and a log that changed is refused. */
import type { Position } from '@waybill/journal';
import { isLogRegressed, NewerVersion } from '@waybill/journal';
import { manualClock } from '@waybill/process';
import { eventually } from '@waybill/process/testing';
import type { Run } from '@waybill/protocol';
import { FOLD_VERSION, partitionOf, runDraft, subjects } from '@waybill/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startTestLog, type TestLog } from '../../../tests/support/log.ts';
import { type Folded, type LiveRuns, type LiveRunsOptions, openLiveRuns } from './live-runs.ts';
import {
  createdRun,
  draftOf,
  ORG,
  runOf,
  type StoryStep,
  storySteps,
} from './run-story.fixture.ts';

let log: TestLog;
const opened: LiveRuns[] = [];
let failures: Error[] = [];
let name = '';
let count = 0;

beforeAll(async () => {
  log = await startTestLog();
}, 60_000);
beforeEach(() => {
  failures = [];
  count += 1;
  name = `test.${count}`;
});
afterEach(async () => {
  for (const live of opened.splice(0)) await live.stop();
});
afterAll(() => log.stop());

type Seen = Readonly<{ live: LiveRuns; restored: Run[]; folded: Folded[] }>;

async function open(change: Partial<LiveRunsOptions> = {}): Promise<Seen> {
  const restored: Run[] = [];
  const folded: Folded[] = [];
  const live = await openLiveRuns({
    ...log.host,
    journal: log.journal,
    name,
    partition: { index: 0, count: 1 },
    onRestored: (run) => restored.push(run),
    onEvent: (each) => folded.push(each),
    onFailure: (error) => failures.push(error),
    maySave: () => false,
    ...change,
  });
  opened.push(live);
  return { live, restored, folded };
}

const opening = async (change: Partial<LiveRunsOptions> = {}): Promise<Seen> => {
  const seen = await open(change);
  await seen.live.reader.caughtUp;
  return seen;
};

let made = 0;
/** Of a run of its own each time. */
async function tell(steps: readonly StoryStep[], run = runOf(++made)): Promise<string> {
  for (const step of steps) await say(run, step);
  return run;
}
async function say(run: string, step: StoryStep): Promise<number> {
  const last = await log.journal.last('WB_RUNS', subjects.runFilter(ORG, run));
  const answer = await log.journal.append(draftOf(run, step, last?.seq ?? 0));
  if (answer.outcome !== 'stored') throw new Error(`not stored: ${answer.outcome}`);
  return answer.seq;
}

const upTo = (step: StoryStep): readonly StoryStep[] =>
  storySteps.slice(0, storySteps.indexOf(step) + 1);

const state = ({ live }: Seen): readonly Run[] =>
  [...live.runs()].toSorted((a, b) => a.firstSeq - b.firstSeq);

const seqOf = (position: Position | undefined): number => position?.seq ?? 0;

describe('live runs', () => {
  it('are those that are not finished, folded lean from the whole log', async () => {
    const queued = await tell(upTo('created'));
    const running = await tell(upTo('step'));
    const done = await tell(storySteps);
    const { live, restored, folded } = await opening();
    expect(live.run(queued)?.jobs[0]?.state).toBe('queued');
    expect(live.run(running)?.jobs[0]?.state).toBe('running');
    expect(live.run(done)).toBeUndefined();
    expect(live.isFinished(done)).toBe(true);
    expect(restored).toEqual([]);
    expect(folded.map(({ isVoid }) => isVoid)).not.toContain(true);
    expect(JSON.stringify([...live.runs()])).not.toContain('payload');
    expect(live.restoredPositions).toEqual({});
  });

  it('restored from a snapshot are what they were, and go on behind it', async () => {
    const running = await tell(upTo('step'));
    const done = await tell(storySteps);
    const first = await opening();
    await first.live.save();
    const position = first.live.reader.position();
    const next = await say(running, 'success');
    await eventually(() => first.live.reader.seq() === next);

    const second = await opening();
    expect(second.live.restoredPositions.WB_RUNS).toEqual(position);
    expect(second.restored.map(({ created }) => created?.runId)).toContain(running);
    expect(second.folded.map(({ event }) => event.seq)).toEqual([next]);
    expect(state(second)).toEqual(state(first));
    expect(second.live.isFinished(done)).toBe(true);
    expect(second.live.serverNow()).toBeGreaterThanOrEqual(second.folded[0]?.event.at ?? 0);
  });

  it('do not come back when somebody creates again what has finished', async () => {
    const done = await tell(storySteps);
    const first = await opening();
    await first.live.save();
    const { live, folded } = await opening();
    const seq = await say(done, 'created');
    await eventually(() => live.reader.seq() === seq);
    expect(folded.at(-1)).toMatchObject({ isVoid: true, event: { seq } });
    expect(live.run(done)).toBeUndefined();
  });

  it('know server time from the snapshot before any event has come', async () => {
    await tell(upTo('created'));
    const first = await opening();
    const at = first.folded.at(-1)?.event.at ?? 0;
    await first.live.save();
    const second = await opening();
    expect(second.folded).toEqual([]);
    expect(second.live.serverNow()).toBeGreaterThanOrEqual(at);
    second.live.observe(at + 1_000_000);
    expect(second.live.serverNow()).toBeGreaterThanOrEqual(at + 1_000_000);
  });

  it('are only those of the partition', async () => {
    const run = await tell(upTo('created'));
    const index = partitionOf(ORG, 7);
    const mine = await opening({ partition: { index, count: 7 } });
    const other = await opening({ partition: { index: (index + 1) % 7, count: 7 } });
    expect(mine.live.run(run)).toBeDefined();
    expect(state(other)).toEqual([]);
  });

  it('keep what a service has beside them, of the same moment', async () => {
    await tell(upTo('created'));
    const position = { identity: 'x', seq: 7, id: 'e' };
    let restored: readonly string[] = [];
    const beside = {
      save: () => ['one', 'two\nlines'],
      restore: (lines: readonly string[]) => {
        restored = lines;
      },
      positions: () => ({ WB_AGENTS: position }),
    };
    const first = await opening({ beside });
    await first.live.save();
    const { live } = await opening({ beside });
    expect(restored).toEqual(['one', 'two\nlines']);
    expect(live.restoredPositions.WB_AGENTS).toEqual(position);
    expect(live.restoredPositions.WB_RUNS).toEqual(first.live.reader.position());
  });
});

describe('a snapshot', () => {
  it('is saved by itself by who may, and by nobody else', async () => {
    const clock = manualClock();
    let maySave = false;
    const { live } = await opening({ clock, maySave: () => maySave });
    const saved = () => log.journal.loadSnapshot(name, FOLD_VERSION);
    await tell(upTo('created'));
    await clock.advance(60_000);
    expect(await saved()).toBeUndefined();
    maySave = true;
    await clock.advance(60_000);
    await eventually(saved);
    expect(seqOf((await saved())?.positions.WB_RUNS)).toBe(live.reader.seq());
  });

  it('that cannot be read is as if there were none', async () => {
    const run = await tell(upTo('created'));
    const first = await opening();
    const positions = { WB_RUNS: first.live.reader.position() ?? { identity: '', seq: 0, id: '' } };
    const part = new TextEncoder().encode('{"runs":1}\nnot a run\n');
    await log.journal.saveSnapshot(name, { positions, foldVersion: FOLD_VERSION, parts: [part] });
    const { live, restored } = await opening();
    expect(restored).toEqual([]);
    expect(live.restoredPositions).toEqual({});
    expect(live.run(run)).toBeDefined();
  });

  it('of another version of the fold is as if there were none', async () => {
    const run = await tell(upTo('created'));
    const first = await opening();
    await first.live.save();
    const loadSnapshot = (of: string) => log.journal.loadSnapshot(of, FOLD_VERSION + 1);
    const { live, restored } = await opening({ journal: { ...log.journal, loadSnapshot } });
    expect(restored).toEqual([]);
    expect(live.run(run)).toBeDefined();
  });

  it('whose other state its service does not take is as if there were none', async () => {
    const run = await tell(upTo('created'));
    const beside = {
      save: () => ['v1'],
      restore: () => {
        throw new Error('not of this version');
      },
      positions: () => ({}),
    };
    const first = await opening({ beside });
    await first.live.save();
    const { live, restored } = await opening({ beside });
    expect(restored).toEqual([]);
    expect(live.restoredPositions).toEqual({});
    expect(live.run(run)).toBeDefined();
  });

  it.for<(stood: Position) => Position>([
    (stood) => ({ ...stood, identity: 'another' }),
    (stood) => ({ ...stood, seq: stood.seq + 1_000 }),
    (stood) => ({ ...stood, id: 'another' }),
  ])('of a log that is another or shorter stops the start, by name: %s', async (other) => {
    await tell(upTo('created'));
    const saveSnapshot: LiveRunsOptions['journal']['saveSnapshot'] = (of, draft) => {
      const stood = draft.positions.WB_RUNS;
      if (stood === undefined) throw new Error('nothing was read');
      return log.journal.saveSnapshot(of, { ...draft, positions: { WB_RUNS: other(stood) } });
    };
    const first = await opening({ journal: { ...log.journal, saveSnapshot } });
    await first.live.save();
    await expect(open()).rejects.toSatisfy(isLogRegressed);
  });
});

// Last: the event stays in the log, and nobody of this version passes it.
describe('an event of a newer version', () => {
  it('ends the fold, by name', async () => {
    const { live } = await opening();
    const run = runOf(++made);
    const body = createdRun(run);
    const meta = { id: `${run}:newer`, source: 'story' };
    const draft = runDraft({ org: ORG, runId: run, type: 'run.created', meta, body });
    const answer = await log.journal.append({ ...draft, extra: { 'wb-version': '2' } });
    expect(answer.outcome).toBe('stored');
    await eventually(() => failures.length > 0);
    expect(failures[0]).toBeInstanceOf(NewerVersion);
    expect(failures[0]?.message).toContain('WB_RUNS');
    expect(live.run(run)).toBeUndefined();
  });
});
