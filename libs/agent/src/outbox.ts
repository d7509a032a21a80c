/**
 * Terminal statuses that nobody has confirmed yet. They outlive every connection and, with a file, the agent's
 * process: a status is in the file before it is sent, and is sent again with the same `messageId` until it is settled.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Logger } from '@waybill/process';
import { wire } from '@waybill/protocol';

export type Outbox = Readonly<{
  readonly statuses: readonly wire.JobStatus[];
  has(jobId: string): boolean;
  keep(status: wire.JobStatus): void;
  /** The status needs no further care. */
  settle(messageId: string): void;
  /** Resolves at once, or when the last status has been settled. */
  empty(): Promise<void>;
}>;

/** A server that never confirms must not make the agent's memory or its registration grow. */
const statusesMax = wire.wireLimits.inFlightJobsMax;

export function openOutbox(
  o: Readonly<{ agentId: string; file?: string | undefined; log: Logger }>,
): Outbox {
  let kept: readonly wire.JobStatus[] = o.file === undefined ? [] : load(o.file, o);
  let emptied = Promise.withResolvers<void>();
  if (kept.length === 0) emptied.resolve();

  const set = (next: readonly wire.JobStatus[]): void => {
    if (kept.length === 0 && next.length > 0) emptied = Promise.withResolvers<void>();
    kept = next;
    if (o.file !== undefined) save(o.file, { agentId: o.agentId, statuses: kept }, o.log);
    if (kept.length === 0) emptied.resolve();
  };

  return {
    get statuses() {
      return kept;
    },
    has: (jobId) => kept.some((status) => status.jobId === jobId),
    keep: (status) => {
      if (kept.length >= statusesMax) o.log.warn('outbox full: its oldest status is given up');
      set([...kept, status].slice(-statusesMax));
    },
    settle: (messageId) => {
      const left = kept.filter((status) => status.messageId !== messageId);
      if (left.length < kept.length) set(left);
    },
    empty: () => emptied.promise,
  };
}

function load(
  file: string,
  o: Readonly<{ agentId: string; log: Logger }>,
): readonly wire.JobStatus[] {
  try {
    const stored: unknown = JSON.parse(readFileSync(file, 'utf8'));
    // Another agent's results would be refused as foreign.
    if (memberOf(stored, 'agentId') !== o.agentId) return [];
    return wire.JobStatus.array().parse(memberOf(stored, 'statuses'));
  } catch (error) {
    const absent = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (!absent) o.log.warn({ err: error, file }, 'outbox unreadable: begun anew');
    return [];
  }
}

function save(
  file: string,
  stored: Readonly<{ agentId: string; statuses: readonly wire.JobStatus[] }>,
  log: Logger,
): void {
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
