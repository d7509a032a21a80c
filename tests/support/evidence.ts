/**
 * What a fault run leaves behind, as plain data: the log, the tables, the agents' own diaries and the clients' ledger. The
 * invariants are pure functions over it; `evidence-gathering.ts` is what reads it from real servers.
 */
import type { StoredMessage, StreamName } from '@waybill/protocol';

export type LoggedMessage = StoredMessage & Readonly<{ headers: Readonly<Record<string, string>> }>;

/** A row as `row_to_json` gives it. */
export type TableRow = Readonly<Record<string, unknown>>;

/** A stored record with its bytes, in the order of `run.completed`. */
export type StoredRecord = Readonly<{
  org: string;
  runId: string;
  firstSeq: number;
  lastSeq: number;
  sha256: string;
  previous: string | null;
  body: Uint8Array;
}>;

/** What an agent wrote down, and flushed, before or after it did it. */
export type DiaryEntry = Readonly<{
  agentId: string;
  /** `granted`: an agent of our SDK, which starts nothing before it is told so. `plain`: one of the published protocol. */
  kind: 'granted' | 'plain';
  /** `acked` and `spoke`: handed to a socket that was open. `told`: asked to stop. `closed`: its socket, with no job named. */
  what: 'dispatched' | 'acked' | 'spoke' | 'told' | 'closed' | 'start' | 'stop';
  runId: string;
  /** As on the wire, with the attempt in it. */
  wireJobId: string;
  fence: number | null;
  /** Monotonic, of the process that all agents of a run share. */
  atMs: number;
  /** By the clock of the host, which is also that of the servers. */
  at: number;
}>;

/** A time in which the test kept something of ours from working, by the clock of the host. */
export type Disturbance = Readonly<{ from: number; to: number }>;

/** A request of a client and what it was told. `null`: no answer, the outcome is not known. */
export type LedgerEntry = Readonly<{
  org: string;
  /** Derived by the client from what it sent, before it was sent. */
  triggerId: string;
  status: number | null;
  /** As the answer has them, where it was 2xx. */
  told: Readonly<{ triggerId: string; runIds: readonly string[]; decision: string | null }> | null;
}>;

export type Evidence = Readonly<{
  log: Readonly<Record<StreamName, readonly LoggedMessage[]>>;
  tables: Readonly<Record<string, readonly TableRow[]>>;
  records: readonly StoredRecord[];
  /** Sequences that the projections have got to, by stream. */
  checkpoints: Readonly<Partial<Record<StreamName, number>>>;
  /** What `projections verify` found: tables folded again from the log, compared row by row. */
  differences: readonly Readonly<{ table: string; key: string; problem: string }>[];
  diary: readonly DiaryEntry[];
  ledger: readonly LedgerEntry[];
  /** Everything that processes printed, by a name for it. */
  output: Readonly<Record<string, string>>;
  /** Secrets that were planted, in plain text. */
  canaries: readonly string[];
  disturbances: readonly Disturbance[];
  /** Of every stream. On one server, expectations exclude what only the fold excludes on several. */
  replicas: number;
}>;

export type Violation = Readonly<{
  invariant: number;
  /** In the stream that `what` is about; null where no message of the log is. */
  seq: number | null;
  what: string;
}>;
