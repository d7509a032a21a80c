/**
 * Terminal statuses and reports of usage that nobody has confirmed yet. They outlive every connection and, with a file, the
 * agent's process: each is in the file before it is sent, and is sent again with the same `messageId` until it is settled.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Logger } from '@waybill/process';
import { wire } from '@waybill/protocol';

export type Outbox = Readonly<{
  readonly statuses: readonly wire.JobStatus[];
  readonly usage: readonly wire.UsageReport[];
  has(jobId: string): boolean;
  keep(status: wire.JobStatus): void;
  keepUsage(report: wire.UsageReport): void;
  /** What has this id needs no further care. */
  settle(messageId: string): void;
  /** Resolves at once, or when the last of it has been settled. */
  empty(): Promise<void>;
}>;

/** A server that never confirms must not make the agent's memory or its registration grow. */
const statusesMax = wire.wireLimits.inFlightJobsMax;
const usageMax = 10_000;

type Kept = Readonly<{
  statuses: readonly wire.JobStatus[];
  usage: readonly wire.UsageReport[];
}>;
const nothing: Kept = { statuses: [], usage: [] };

export function openOutbox(
  o: Readonly<{ agentId: string; file?: string | undefined; log: Logger }>,
): Outbox {
  let kept: Kept = o.file === undefined ? nothing : load(o.file, o);
  let emptied = Promise.withResolvers<void>();
  const size = (): number => kept.statuses.length + kept.usage.length;
  if (size() === 0) emptied.resolve();

  let settledSince = 0;
  const write = (): void => {
    settledSince = 0;
    if (o.file !== undefined) save(o.file, { agentId: o.agentId, ...kept }, o.log);
  };
  const set = (next: Kept): void => {
    const before = size();
    kept = next;
    if (before === 0 && size() > 0) emptied = Promise.withResolvers<void>();
    write();
  };
  /** A report that is sent once more counts once: the file need not be written for each that is settled. */
  const settled = (next: Kept): void => {
    const isUsage = next.statuses.length === kept.statuses.length;
    kept = next;
    settledSince += 1;
    if (!isUsage || settledSince * 4 >= size()) write();
    if (size() === 0) emptied.resolve();
  };

  return {
    get statuses() {
      return kept.statuses;
    },
    get usage() {
      return kept.usage;
    },
    has: (jobId) => kept.statuses.some((status) => status.jobId === jobId),
    keep: (status) => {
      const { statuses } = kept;
      if (statuses.length >= statusesMax) o.log.warn('outbox full: its oldest status is given up');
      set({ ...kept, statuses: [...statuses, status].slice(-statusesMax) });
    },
    keepUsage: (report) => {
      const { usage } = kept;
      if (usage.length >= usageMax) o.log.warn('outbox full: its oldest usage is given up');
      set({ ...kept, usage: [...usage, report].slice(-usageMax) });
    },
    settle: (messageId) => {
      const before = size();
      const isOther = (one: Readonly<{ messageId: string }>): boolean =>
        one.messageId !== messageId;
      const next = { statuses: kept.statuses.filter(isOther), usage: kept.usage.filter(isOther) };
      if (next.statuses.length + next.usage.length < before) settled(next);
    },
    empty: () => emptied.promise,
  };
}

function load(file: string, o: Readonly<{ agentId: string; log: Logger }>): Kept {
  try {
    const stored: unknown = JSON.parse(readFileSync(file, 'utf8'));
    // Another agent's results would be refused as foreign.
    if (memberOf(stored, 'agentId') !== o.agentId) return nothing;
    return {
      statuses: wire.JobStatus.array().parse(memberOf(stored, 'statuses')),
      usage: wire.UsageReport.array().parse(memberOf(stored, 'usage') ?? []),
    };
  } catch (error) {
    const absent = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (!absent) o.log.warn({ err: error, file }, 'outbox unreadable: begun anew');
    return nothing;
  }
}

function save(file: string, stored: Kept & Readonly<{ agentId: string }>, log: Logger): void {
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
