/** Every bound of the api, once. Each is tested at the limit and one past it. */

const kib = 1_024;
const mib = 1_024 * kib;

export const limits = {
  /** Hooks and triggers: the smaller of this and what the NATS server takes, less the room for headers. */
  bodyBytes: 25 * mib,
  payloadReserveBytes: 64 * kib,
  /** A run that is asked for directly: its jobs are copied into `run.created`. */
  runBytes: mib,
  ruleBytes: 256 * kib,
  /** Header lines of one request. */
  headers: 100,
  jsonDepth: 64,
  /** Mistakes listed for one body; the rest adds nothing. */
  mistakes: 100,
  deliveryIdChars: 256,
  eventChars: 128,
  requestIdChars: 128,
  pageSize: 200,
  pageSizeDefault: 50,
  /** Runs that one bulk cancel takes on; what is left is told, for another. */
  bulkRuns: 1_000,
  /** Agents that are looked at to say why a job waits. */
  blockingAgents: 1_000,
  /** Event streams open at once. */
  sseClients: 200,
  sseHeartbeatMs: 15_000,
  /** A client that takes nothing for so long is cut off; it resumes by its last id. */
  sseStallMs: 10_000,
  /** Text of one stream that waits for its client, the message under way apart. */
  sseBufferBytes: 256 * kib,
  /** Readers of the upstream feed at once. */
  upstreamClients: 50,
  upstreamPingMs: 30_000,
  /** How long a reader may take for all runs as they stand. */
  upstreamStallMs: 10_000,
  /** Bytes that wait for one reader, all runs apart. */
  upstreamUnsentBytes: 4 * mib,
  /** All runs as they stand, as JSON; what is over it is left out. */
  upstreamReplayBytes: 32 * mib,
  /** Runs that ended so long ago are told too, so that whoever was away learns how. */
  upstreamRecentMs: 300_000,
  queryMs: 5_000,
  /** How long `minSeq` waits. */
  minSeqMs: 5_000,
  /** Within it an append has an outcome: webhook producers give up after ten seconds. */
  appendMs: 8_000,
  /** From this share of a stream's limit on, nothing new is taken: the rest is kept for facts and endings. */
  streamFullRatio: 0.9,
  capacityMs: 1_000,
  /** How long what is over the limit is still read, and thrown away, before its sender is answered. */
  discardMs: 5_000,
  /** Within it a body must have come, those of objects apart. */
  bodyMs: 60_000,
  /** An upload or download of an object, from its first byte on. */
  transferMs: 30 * 60_000,
  /** An upload that brings nothing for so long is cut off. */
  uploadStallMs: 60_000,
  /** Artifacts that one list shows. */
  artifacts: 10_000,
  /** Of an agent's own logs: how far back, how much, how long they are waited for and looked for. */
  agentLogsHours: 720,
  agentLogsBytes: 64 * mib,
  agentLogsMs: 60_000,
  agentLogsLookMs: 250,
  stopMs: 5_000,
} as const satisfies Readonly<Record<string, number>>;

export type Limits = Readonly<{ [Name in keyof typeof limits]: number }>;

/** What a hook's or a trigger's body may have, with the server's own bound. */
export const bodyBytesMax = (bounds: Limits, maxPayload: number): number =>
  Math.max(0, Math.min(bounds.bodyBytes, maxPayload - bounds.payloadReserveBytes));
