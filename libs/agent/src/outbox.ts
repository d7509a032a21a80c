/**
 * Terminal statuses and reports of usage that nobody has confirmed yet. They outlive every connection and, with a file, the
 * agent's process: each is in the file before it is sent, and is sent again with the same `messageId` until it is settled.
 * Statuses are written at once, reports together where many come.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Clock, Logger, Timer } from '@waybill/process';
import { wire } from '@waybill/protocol';

export type Outbox = Readonly<{
  readonly statuses: readonly wire.JobStatus[];
  /** Those that may be sent: what is not in the file yet is not among them. */
  readonly usage: readonly wire.UsageReport[];
  has(jobId: string): boolean;
  keep(status: wire.JobStatus): void;
  /** `kept`: it may be sent from now on. */
  keepUsage(report: wire.UsageReport, kept: () => void): void;
  /** What has this id needs no further care. */
  settle(messageId: string): void;
  /** Resolves at once, or when the last of it has been settled. */
  empty(): Promise<void>;
  /** Writes what waits to be written. */
  flush(): void;
}>;

/** A server that never confirms must not make the agent's memory or its registration grow. */
const statusesMax = wire.wireLimits.inFlightJobsMax;
const usageMax = 10_000;
export const usageBytesMax = 8 * 1_024 * 1_024;
/** Reports are written at most so often: each time it is the whole file, down to the disk. */
export const usageWriteMs = 200;

type Held = Readonly<{ report: wire.UsageReport; bytes: number }>;
type Kept = Readonly<{ statuses: readonly wire.JobStatus[]; usage: readonly Held[] }>;
const nothing: Kept = { statuses: [], usage: [] };

export function openOutbox(
  o: Readonly<{ agentId: string; file?: string | undefined; clock: Clock; log: Logger }>,
): Outbox {
  let kept: Kept = o.file === undefined ? nothing : load(o.file, o);
  let emptied = Promise.withResolvers<void>();
  const size = (): number => kept.statuses.length + kept.usage.length;
  if (size() === 0) emptied.resolve();

  let settledSince = 0;
  let writtenMs = Number.NEGATIVE_INFINITY;
  let later: Timer | undefined;
  let givenUp = 0;
  /** Reports that are not in the file yet, and who waits for that. */
  let unwritten = new Map<string, () => void>();
  const write = (): void => {
    later?.cancel();
    later = undefined;
    settledSince = 0;
    if (givenUp > 0) o.log.warn({ reports: givenUp }, 'outbox full: its oldest usage is given up');
    givenUp = 0;
    if (o.file !== undefined) save(o.file, { agentId: o.agentId, ...kept }, o.log);
    writtenMs = o.clock.monotonicMs();
    const written = unwritten;
    unwritten = new Map();
    for (const done of written.values()) done();
  };
  const writeSoon = (): void => {
    const waitMs = writtenMs + usageWriteMs - o.clock.monotonicMs();
    if (waitMs <= 0) write();
    else later ??= o.clock.after(waitMs, write);
  };
  const set = (next: Kept): void => {
    const before = size();
    kept = next;
    if (before === 0 && size() > 0) emptied = Promise.withResolvers<void>();
  };
  /** A report that is sent once more counts once: the file need not be written for each that is settled. */
  const settled = (next: Kept): void => {
    const isUsage = next.statuses.length === kept.statuses.length;
    kept = next;
    settledSince += 1;
    if (!isUsage) write();
    else if (settledSince * 4 >= size()) writeSoon();
    if (size() === 0) emptied.resolve();
  };

  return {
    get statuses() {
      return kept.statuses;
    },
    get usage() {
      const all = kept.usage.map(({ report }) => report);
      return all.filter(({ messageId }) => !unwritten.has(messageId));
    },
    has: (jobId) => kept.statuses.some((status) => status.jobId === jobId),
    keep: (status) => {
      const { statuses } = kept;
      if (statuses.length >= statusesMax) o.log.warn('outbox full: its oldest status is given up');
      set({ ...kept, statuses: [...statuses, status].slice(-statusesMax) });
      write();
    },
    keepUsage: (report, done) => {
      const all = [...kept.usage, heldOf(report)];
      const usage = all.slice(surplusOf(all));
      set({ ...kept, usage });
      const dropped = all.slice(0, all.length - usage.length);
      givenUp += dropped.length;
      for (const each of dropped) unwritten.delete(each.report.messageId);
      // In memory alone there is nothing to wait for.
      if (o.file === undefined) done();
      else unwritten.set(report.messageId, done);
      writeSoon();
    },
    settle: (messageId) => {
      const before = size();
      const next = {
        statuses: kept.statuses.filter((status) => status.messageId !== messageId),
        usage: kept.usage.filter(({ report }) => report.messageId !== messageId),
      };
      if (next.statuses.length + next.usage.length < before) settled(next);
    },
    empty: () => emptied.promise,
    flush: () => {
      if (later !== undefined) write();
    },
  };
}

const heldOf = (report: wire.UsageReport): Held => ({
  report,
  bytes: Buffer.byteLength(JSON.stringify(report)),
});

/** How many of the oldest are too many. The newest always stays. */
function surplusOf(usage: readonly Held[]): number {
  let bytes = 0;
  let fitting = 0;
  for (const held of usage.toReversed()) {
    bytes += held.bytes;
    if (fitting > 0 && (fitting >= usageMax || bytes > usageBytesMax)) break;
    fitting += 1;
  }
  return usage.length - fitting;
}

function load(file: string, o: Readonly<{ agentId: string; log: Logger }>): Kept {
  try {
    const stored: unknown = JSON.parse(readFileSync(file, 'utf8'));
    // Another agent's results would be refused as foreign.
    if (memberOf(stored, 'agentId') !== o.agentId) return nothing;
    return {
      statuses: wire.JobStatus.array().parse(memberOf(stored, 'statuses')),
      usage: wire.UsageReport.array()
        .parse(memberOf(stored, 'usage') ?? [])
        .map(heldOf),
    };
  } catch (error) {
    const absent = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (!absent) o.log.warn({ err: error, file }, 'outbox unreadable: begun anew');
    return nothing;
  }
}

function save(file: string, box: Kept & Readonly<{ agentId: string }>, log: Logger): void {
  const stored = { ...box, usage: box.usage.map(({ report }) => report) };
  try {
    mkdirSync(path.dirname(file), { recursive: true });
    const next = `${file}.next`;
    writeFileSync(next, JSON.stringify(stored), { mode: 0o600, flush: true });
    renameSync(next, file);
  } catch (error) {
    // In memory it is still kept; only a crash of the agent would lose it now.
    log.error({ err: error, file }, 'outbox could not be written');
  }
}

const memberOf = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
