/**
 * WB_RUNS into runs, jobs, attempts, steps, approvals, the words about agents' work, and run records. The state of a run is the protocol's fold; after a restart it is
 * folded again from the log, up to the checkpoint, when the run is touched.
 */
import { type Journal, refuseNewer } from '@waybill/journal';
import type { Logger } from '@waybill/process';
import {
  forwardsOf,
  type Run,
  type RunEvent,
  readRunMessage,
  type StoredMessage,
  subjects,
  wasVoid,
} from '@waybill/protocol';
import { foldRunEvent, initialFoldedRun, isEndedBy } from '../domain/folded-run.ts';
import { type Poison, unknownSubject } from '../domain/poison.ts';
import { type RunRows, runRows } from '../domain/run-rows.ts';
import { isWorkEvent } from '../domain/work-row.ts';
import { eventText } from './event-text.ts';
import type { Projection } from './projection.ts';
import { writeRecords } from './record-writer.ts';
import { type Tx, writeRows } from './row-writer.ts';
import type { EndedRun } from './run-record.ts';
import { openRunShelf, type ShelfLimits, type ShelvedRun, type TouchedRun } from './run-shelf.ts';
import type { Told } from './upstream-outlet.ts';
import { type Work, writeWork } from './work-writer.ts';

export type RunProjectionOptions = Readonly<{
  journal: Pick<Journal, 'load'>;
  log: Logger;
  limits?: ShelfLimits;
  /** Told what changed once that is committed; nobody is where runs are only folded again. */
  tell?: (told: readonly Told[]) => void;
}>;

const newRun: ShelvedRun = { folded: initialFoldedRun, events: [] };

export function openRunProjection({
  journal,
  log,
  limits,
  tell,
}: RunProjectionOptions): Projection {
  const shelf = openRunShelf(limits);

  /** The run before this message, which exists: an answer of the log that lacks it is not complete. */
  const load = async (event: RunEvent, checkpointSeq: number): Promise<ShelvedRun> => {
    const stored = await loadUpTo(journal, event);
    const events: string[] = [];
    let folded = initialFoldedRun;
    for (const message of stored) {
      if (message.seq > checkpointSeq) break;
      const earlier = readRunMessage(message);
      if (earlier === undefined) continue;
      folded = foldRunEvent(folded, earlier);
      events.push(eventText(message, earlier));
    }
    return { folded, events };
  };
  const loadEvents = async (last: RunEvent): Promise<readonly string[]> =>
    (await loadUpTo(journal, last)).flatMap((message) => {
      const event = readRunMessage(message);
      return event === undefined ? [] : [eventText(message, event)];
    });

  return {
    stream: 'WB_RUNS',
    project: async (tx, messages, checkpointSeq) => {
      shelf.standAt(checkpointSeq);
      const touched = new Map<string, TouchedRun>();
      const poison: Poison[] = [];
      const ended: EndedRun[] = [];
      const told: Told[] = [];
      const work: Work[] = [];
      for (const message of messages) {
        const event = readRunMessage(message);
        if (event === undefined) poison.push({ message, problem: unknownSubject });
        if (event?.type === 'unreadable') {
          refuseNewer(message, event.problem, log);
          poison.push({ message, problem: event.problem });
        }
        if (event === undefined) continue;
        const key = `${event.org}/${event.runId}`;
        const before = touched.get(key) ?? (await begin(key, message, event, checkpointSeq));
        const added = [...before.added, eventText(message, event)];
        const folded = foldRunEvent(before.folded, event);
        touched.set(key, { base: before.base, folded, added });
        if (isWorkEvent(event) && !wasVoid(folded.run, event.seq))
          work.push({ event, late: before.folded.run.completed !== null });
        if (tell !== undefined) told.push(...toldOf(before.folded.run, event, folded.run));
        if (!isEndedBy(before.folded, folded)) continue;
        const { base } = before;
        const events = base.events === null ? await loadEvents(event) : [...base.events, ...added];
        ended.push({ org: event.org, runId: event.runId, run: folded.run, events });
      }
      const rows = await writeTouched(tx, [...touched.values()], checkpointSeq);
      const workRows = await writeWork(tx, work);
      const records = await writeRecords(tx, ended);
      const seq = messages.at(-1)?.seq ?? checkpointSeq;
      const keep = (): void => {
        shelf.keep(seq, touched);
        tell?.(told);
      };
      return { rows: rows + workRows, poison, records, keep };
    },
  };

  async function begin(
    key: string,
    message: StoredMessage,
    event: RunEvent,
    checkpointSeq: number,
  ): Promise<TouchedRun> {
    const base =
      shelf.get(key) ?? (isFirstOfRun(message, event) ? newRun : await load(event, checkpointSeq));
    return { base, folded: base.folded, added: [] };
  }
}

const toldOf = (before: Run, event: RunEvent, after: Run): readonly Told[] =>
  forwardsOf(before, event, after).map((forward) => ({ org: event.org, seq: event.seq, forward }));

/** Whether the server itself has checked that nothing of this run lies before: then nothing has to be asked for. */
function isFirstOfRun(message: StoredMessage, { org, runId }: RunEvent): boolean {
  return (
    message.header('Nats-Expected-Last-Subject-Sequence') === '0' &&
    message.header('Nats-Expected-Last-Subject-Sequence-Subject') === subjects.runFilter(org, runId)
  );
}

const loadUpTo = (
  journal: Pick<Journal, 'load'>,
  { org, runId, seq }: RunEvent,
): Promise<readonly StoredMessage[]> =>
  journal.load('WB_RUNS', subjects.runFilter(org, runId), { minSeq: seq, upToSeq: seq });

async function writeTouched(
  tx: Tx,
  touched: readonly TouchedRun[],
  checkpointSeq: number,
): Promise<number> {
  const parts = touched.map(({ folded }): RunRows => runRows(folded, checkpointSeq));
  const counts = [
    await writeRows(
      tx,
      'runs',
      parts.flatMap(({ runs }) => runs),
    ),
    await writeRows(
      tx,
      'jobs',
      parts.flatMap(({ jobs }) => jobs),
    ),
    await writeRows(
      tx,
      'attempts',
      parts.flatMap(({ attempts }) => attempts),
    ),
    await writeRows(
      tx,
      'steps',
      parts.flatMap(({ steps }) => steps),
    ),
    await writeRows(
      tx,
      'approvals',
      parts.flatMap(({ approvals }) => approvals),
    ),
  ];
  return counts.reduce((total, count) => total + count, 0);
}
