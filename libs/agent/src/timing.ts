/** The agent's intervals and bounds, once. The published protocol fixes the first five; a test may shorten any. */
export type AgentTiming = Readonly<{
  /** `heartbeat` of the connection, only while registered. */
  heartbeatMs: number;
  /** `job.heartbeat` of every job. */
  jobHeartbeatMs: number;
  /** Without `register.ack` for this long the agent counts as registered, for servers that never send one. */
  registerFallbackMs: number;
  logLinesMax: number;
  logBatchMs: number;
  /** How long the dialling, and then the authentication, may take. */
  answerMs: number;
  /** How long an acknowledged job waits for `job.granted` where the server announced it. */
  grantMs: number;
  /** The first `job.heartbeat` where they are answered: the sooner there is a lease, the sooner its end is known. */
  firstLeaseMs: number;
  /** So long before the end of its lease a job is told to stop: longer than it may take. A quarter of a short lease. */
  leaseMarginMs: number;
  /** Events kept while the agent is away. */
  backlogMax: number;
  /** An emitted event without a receipt has failed. */
  emitMs: number;
  /** Every other question, approvals apart. */
  requestMs: number;
  uploadMs: number;
  /** An agent that a scaler made leaves when it had nothing to do for so long. */
  idleMs: number;
  /** The same where a dispatch was promised at its registration. */
  pendingDispatchMs: number;
}>;

export const agentTiming: AgentTiming = {
  heartbeatMs: 30_000,
  jobHeartbeatMs: 60_000,
  registerFallbackMs: 10_000,
  logLinesMax: 50,
  logBatchMs: 100,
  answerMs: 15_000,
  grantMs: 30_000,
  firstLeaseMs: 5_000,
  leaseMarginMs: 12_000,
  backlogMax: 5_000,
  emitMs: 5_000,
  requestMs: 30_000,
  uploadMs: 600_000,
  idleMs: 60_000,
  pendingDispatchMs: 300_000,
};
