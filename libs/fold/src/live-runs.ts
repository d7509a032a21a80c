/**
 * The live runs of a partition, folded from the newest snapshot on, else from the first message, and followed for ever. The
 * snapshot is only economy: with or without it the state is the same fold of the same events. It carries where in each stream
 * it stood, so that a log which became shorter or another one is refused by name. An event of a newer version ends it.
 */
import type { Journal, Position, Positions, Reader } from '@waybill/journal';
import { refuseNewer } from '@waybill/journal';
import { type Clock, isOutage, type Logger, milestone } from '@waybill/process';
import type { Partition, Run, StoredMessage } from '@waybill/protocol';
import { FOLD_VERSION, partitionFilters, readRunMessage } from '@waybill/protocol';
import { type Folded, openLiveTable } from './live-table.ts';
import { openSaving } from './saving.ts';
import { serverTime } from './server-time.ts';
import { paced, partsOf, type Saved, savedIn } from './snapshot-lines.ts';

export type { Folded } from './live-table.ts';

/** Further state of a service that is saved and restored with the runs, at the same moment. */
export type Beside = Readonly<{
  /** Lines of text. */
  save(): readonly string[];
  /** Before any run is restored. What it throws means that there is no snapshot: it has changed nothing then. */
  restore(lines: readonly string[]): void;
  /** Where the streams stand that this state comes from. */
  positions(): Positions;
}>;

export type LiveRunsOptions = Readonly<{
  journal: Pick<Journal, 'read' | 'saveSnapshot' | 'loadSnapshot'>;
  clock: Clock;
  log: Logger;
  /** Of the snapshot, as `dispatcher.0of1`. */
  name: string;
  partition: Partition;
  /** Each run of the snapshot, before any event. Like `onEvent`, it may be called before `openLiveRuns` has resolved. */
  onRestored: (run: Run) => void;
  /** Every event of the partition in order, folded. */
  onEvent: (folded: Folded) => void;
  onFailure: (error: Error) => void;
  /** Whether this process is the one that saves. */
  maySave: () => boolean;
  beside?: Beside;
}>;

export type LiveRuns = Readonly<{
  /** Of WB_RUNS. */
  reader: Reader;
  /** Undefined for one that is finished, or that never was. */
  run(runId: string): Run | undefined;
  runs(): Iterable<Run>;
  /** Whether it is among the last 100,000 that finished. Only economy. */
  isFinished(runId: string): boolean;
  /** The greatest stored time and what has passed since: only good for deciding when to look. */
  serverNow(): number;
  /** Moves `serverNow` to what the log just said. */
  observe(at: number): void;
  /** Of the snapshot that was loaded; {} for none. */
  restoredPositions: Positions;
  /** Also done by itself, every minute or 50,000 events, while `maySave`. */
  save(): Promise<void>;
  stop(): Promise<void>;
}>;

type Restored = Readonly<{ saved: Saved; positions: Positions }>;

export async function openLiveRuns(o: LiveRunsOptions): Promise<LiveRuns> {
  const { journal, clock, log, name } = o;
  const restored = await restore(o);
  const table = openLiveTable(restored.saved);
  const time = serverTime(clock);
  time.observe(restored.saved.at);
  const pace = paced(clock);
  for (const run of restored.saved.runs) {
    o.onRestored(run);
    const turn = pace();
    if (turn !== undefined) await turn;
  }

  const onMessage = (message: StoredMessage): void => {
    const event = readRunMessage(message);
    if (event === undefined) return;
    if (event.type === 'unreadable') refuseNewer(message, event.problem, log);
    time.observe(event.at);
    o.onEvent(table.fold(event));
    saving.passed();
  };
  const positions = (): Positions => ({
    ...o.beside?.positions(),
    ...withRuns(reader.position()),
  });
  const write = async (signal: AbortSignal): Promise<void> => {
    // All of it is taken in this one turn: what lies in it and where it stands belong together.
    const saved = { ...table.state(), at: time.now(), beside: o.beside?.save() ?? [] };
    const draft = { positions: positions(), foldVersion: FOLD_VERSION };
    await journal.saveSnapshot(name, { ...draft, parts: partsOf(saved, paced(clock), signal) });
    milestone('snapshot.saved', { name, runs: saved.runs.length });
  };
  const saving = openSaving({ ...o, write, positions });
  const reader = await journal.read({
    stream: 'WB_RUNS',
    filters: partitionFilters('run', o.partition),
    from: restored.positions.WB_RUNS,
    onMessage,
    onFailure: o.onFailure,
  });
  saving.begin();
  return {
    reader,
    run: table.run,
    runs: table.runs,
    isFinished: table.isFinished,
    serverNow: time.now,
    observe: time.observe,
    restoredPositions: restored.positions,
    save: saving.save,
    stop: async () => {
      saving.stop();
      await reader.stop();
    },
  };
}

const withRuns = (position: Position | undefined): Positions =>
  position === undefined ? {} : { WB_RUNS: position };

const nothing: Restored = {
  saved: { runs: [], finished: [], at: 0, beside: [] },
  positions: {},
};

/** Whatever is wrong with a snapshot, the log has everything; only where the log is away there is nothing to go on with. */
async function restore({ journal, clock, log, name, beside }: LiveRunsOptions): Promise<Restored> {
  const begunMs = clock.monotonicMs();
  const snapshot = await journal.loadSnapshot(name, FOLD_VERSION);
  if (snapshot === undefined) return nothing;
  try {
    const saved = await savedIn(snapshot.parts, paced(clock));
    beside?.restore(saved.beside);
    const ms = Math.round(clock.monotonicMs() - begunMs);
    log.info({ snapshot: name, runs: saved.runs.length, ms }, 'restored from a snapshot');
    return { saved, positions: snapshot.positions };
  } catch (error) {
    if (isOutage(error)) throw error;
    log.warn(
      { err: error, snapshot: name },
      'a snapshot is passed over, the log is folded instead',
    );
    return nothing;
  }
}
