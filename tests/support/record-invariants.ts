/** Invariants 6, 7 and the part of 9 that is about tables: projection = fold, records and their chain, no lag. */
import { createHash } from 'node:crypto';
import { parseJson, type StreamName } from '@waybill/protocol';
import type { Evidence, LoggedMessage, StoredRecord, Violation } from './evidence.ts';
import type { RunStory } from './run-story.ts';

export const projectionIsFold = ({ differences }: Evidence): readonly Violation[] =>
  differences.map(({ table, key, problem }) => ({
    invariant: 6,
    seq: null,
    what: `${table} ${key}: ${problem}`,
  }));

const folded = [
  'WB_RUNS',
  'WB_AGENTS',
  'WB_TRIGGERS',
  'WB_CONFIG',
] as const satisfies readonly StreamName[];

export const noLag = ({ log, checkpoints }: Evidence): readonly Violation[] =>
  folded.flatMap((stream) => {
    const last = log[stream].at(-1)?.seq ?? 0;
    const reached = checkpoints[stream] ?? 0;
    if (reached >= last) return [];
    return [
      { invariant: 9, seq: last, what: `${stream} ends at ${last}, its tables at ${reached}` },
    ];
  });

export function recordsHold(
  { records, log }: Pick<Evidence, 'records' | 'log'>,
  runs: readonly RunStory[],
): readonly Violation[] {
  const found: Violation[] = [];
  const messages = new Map(log.WB_RUNS.map((message) => [message.seq, message]));
  const previous = new Map<string, string>();
  for (const record of records.toSorted((a, b) => a.lastSeq - b.lastSeq)) {
    found.push(...recordHolds(record, previous.get(record.org) ?? null, messages));
    previous.set(record.org, record.sha256);
  }
  const recorded = new Set(records.map(({ org, runId }) => `${org} ${runId}`));
  if (recorded.size !== records.length) found.push(broken(null, 'a run has two records'));
  for (const { org, runId, end } of runs)
    if (end.completed !== null && !recorded.has(`${org} ${runId}`))
      found.push(broken(end.seq, `run ${runId} has ended and has no record`));
  return found;
}

function recordHolds(
  record: StoredRecord,
  previous: string | null,
  messages: ReadonlyMap<number, LoggedMessage>,
): readonly Violation[] {
  const found: Violation[] = [];
  const about = (what: string): void =>
    void found.push(broken(record.lastSeq, `record of ${record.runId}: ${what}`));
  const sha256 = createHash('sha256').update(record.body).digest('hex');
  if (sha256 !== record.sha256) about(`its bytes hash to ${sha256}, it says ${record.sha256}`);
  if (record.previous !== previous)
    about(`it follows ${record.previous}, the one before it is ${previous}`);
  const body = parseJson(record.body);
  if (fieldOf(body, 'previous') !== record.previous)
    about('its bytes name another record before it');
  if (fieldOf(body, 'org') !== record.org) about('its bytes name another org');
  const events = fieldOf(body, 'events');
  for (const event of Array.isArray(events) ? events : []) {
    const seq = Number(fieldOf(event, 'seq'));
    const message = messages.get(seq);
    if (message === undefined) {
      about(`event ${seq} is not in the log`);
      continue;
    }
    const isSame = sameJson(fieldOf(event, 'body'), parseJson(message.body));
    if (fieldOf(event, 'subject') !== message.subject || !isSame)
      about(`event ${seq} is not what lies in the log there: ${message.subject}`);
  }
  return found;
}

const broken = (seq: number | null, what: string): Violation => ({ invariant: 7, seq, what });

const fieldOf = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;

/** Whatever the order of keys: the record has them in that of RFC 8785. */
const sameJson = (a: unknown, b: unknown): boolean => ordered(a) === ordered(b);
const ordered = (value: unknown): string =>
  JSON.stringify(value, (_key, each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  ) ?? '';
