/**
 * Archives the log of every run that has ended, as one compressed object: WB_LOGS forgets, the object does not. Takes its time: a
 * run's log lies in the stream for long, and whoever reads it does not notice which of the two it comes from.
 */
import { type Journal, type Position, positionOf, type Reader } from '@waybill/journal';
import { archived, logArchiveName, logArchiveType, type Objects } from '@waybill/objects';
import type { Clock, Logger } from '@waybill/process';
import {
  allSubjects,
  foldRun,
  type LogView,
  logView,
  parseSubject,
  readRunMessage,
  type StoredMessage,
  subjects,
} from '@waybill/protocol';

export type LogArchiver = Readonly<{
  caughtUp: Promise<void>;
  stop(): Promise<void>;
}>;

export type LogArchiverOptions = Readonly<{
  journal: Pick<
    Journal,
    'consume' | 'info' | 'last' | 'load' | 'page' | 'saveSnapshot' | 'loadSnapshot'
  >;
  objects: Pick<Objects, 'find' | 'write'>;
  /** From the end of a run to its archive. */
  delayMs: number;
  clock: Clock;
  log: Logger;
  onFailure: (error: Error) => void;
}>;

const NAME = 'log-archiver';
/** Raised when what was archived before should be looked at once more. */
const VERSION = 1;
const batchMax = 20;
const pageChunks = 500;
/** Archives are written one after the other, with as much rest between them as work. */
const restMaxMs = 1_000;
const saveEveryMs = 60_000;

export async function openLogArchiver(o: LogArchiverOptions): Promise<LogArchiver> {
  const { journal, clock, log } = o;
  const ending = new AbortController();
  const saved = await journal.loadSnapshot(NAME, VERSION);
  const { identity } = await journal.info('WB_RUNS');
  let done: Position | undefined = saved?.positions.WB_RUNS;

  const save = async (): Promise<void> => {
    if (done === undefined) return;
    const draft = { positions: { WB_RUNS: done }, foldVersion: VERSION, parts: [] };
    await journal
      .saveSnapshot(NAME, draft)
      .catch((error: unknown) =>
        log.warn({ err: error }, 'the place of the archive was not saved'),
      );
  };
  const onBatch = async (messages: readonly StoredMessage[]): Promise<void> => {
    for (const message of messages) {
      ending.signal.throwIfAborted();
      // By this host's clock, which may be wrong: earlier or later is as good.
      const waitMs = message.at + o.delayMs - clock.now();
      if (waitMs > 0) await clock.sleep(Math.min(waitMs, o.delayMs), ending.signal);
      const beganMs = clock.monotonicMs();
      await archive(o, message);
      done = positionOf(identity, message);
      const restMs = Math.min(restMaxMs, clock.monotonicMs() - beganMs);
      await clock.sleep(restMs, ending.signal);
    }
  };
  const reader: Reader = await journal.consume({
    stream: 'WB_RUNS',
    durable: NAME,
    filters: [allSubjects.runEvent('run.completed')],
    from: done,
    batchMax,
    onBatch,
    onFailure: o.onFailure,
  });
  const timer = clock.every(saveEveryMs, () => void save(), { background: true });
  return {
    caughtUp: reader.caughtUp,
    stop: async () => {
      ending.abort(new Error('the archiver stops'));
      timer.cancel();
      await reader.stop();
      await save();
    },
  };
}

/** Whatever stands in the way is waited for: the batch is tried again. */
async function archive(
  { journal, objects, log }: LogArchiverOptions,
  { subject, seq }: StoredMessage,
): Promise<void> {
  const parsed = parseSubject(subject);
  if (parsed?.family !== 'run') return;
  const { org, runId } = parsed;
  const filter = subjects.logsOf(org, runId);
  const last = await journal.last('WB_LOGS', filter, { leader: true });
  const name = logArchiveName(org, runId);
  if (last === undefined || (await objects.find(name)) !== undefined) return;
  if (!(await isEnd(journal, org, runId, seq))) return;
  const [first = last] = await journal.page({ stream: 'WB_LOGS', filter, max: 1 });
  const labels = { firstSeq: String(first.seq), lastSeq: String(last.seq) };
  const entry = await objects.write(name, archived(chunksOf(journal, filter, last.seq)), {
    mediaType: logArchiveType,
    labels,
  });
  log.debug({ runId, sizeBytes: entry.sizeBytes, ...labels }, 'the log of a run is archived');
}

/** A completion may lie behind a fact that its decider had not seen: then it is void, and the log goes on. */
async function isEnd(
  journal: Pick<Journal, 'load'>,
  org: string,
  runId: string,
  seq: number,
): Promise<boolean> {
  const messages = await journal.load('WB_RUNS', subjects.runFilter(org, runId), { leader: true });
  const events = messages.flatMap((message) => readRunMessage(message) ?? []);
  return foldRun(events.filter((event) => event.seq <= seq)).completed !== null;
}

/** A page at a time: a log may have hundreds of megabytes. */
async function* chunksOf(
  journal: Pick<Journal, 'page'>,
  filter: string,
  toSeq: number,
): AsyncGenerator<LogView> {
  let fromSeq = 1;
  for (;;) {
    const page = await journal.page({ stream: 'WB_LOGS', filter, fromSeq, toSeq, max: pageChunks });
    for (const message of page) {
      const view = logView(message);
      if (view !== undefined) yield view;
    }
    const last = page.at(-1);
    if (last === undefined || page.length < pageChunks) return;
    fromSeq = last.seq + 1;
  }
}
