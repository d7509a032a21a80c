/**
 * Every bound of the gateway, in one place: what a socket may send, hold, owe and wait for. They stop abuse and keep the
 * memory of one gateway predictable; agents that exist stay well inside them.
 */
import { wire } from '@waybill/protocol';

const MiB = 1024 ** 2;

export const limits = {
  /** One frame; a larger one closes the socket with 1009. The server's own limit less the reserve counts if it is lower. */
  frameBytesMax: wire.wireLimits.frameBytesMax,
  /** Room for headers around a frame that is stored as it came. */
  frameReserveBytes: 64 * 1024,
  authMs: 10_000,
  registerMs: 10_000,
  /** Sockets of one gateway, and those among them that have not registered yet. */
  socketsMax: 16_000,
  strangersMax: 2_000,
  /** What one may send before it has signed in; beyond it the socket is cut. */
  strangerBytesMax: 64 * 1024,
  /** Of one address: one neighbour must not take the places of all. */
  strangersOfAddressMax: 1_000,
  strangersFew: 500,
  /** Files and connections of the process that are no sockets of agents. */
  openFilesReserve: 128,
  openFilesLookMs: 1_000,
  /** That nobody else may come is said again after this time. */
  fullAgainMs: 60_000,
  /** A refused upgrade is told to come back between once and twice this later, so that not all come back at once. */
  retryAfterMs: 5_000,
  /** Registrations that are stored at once; the others wait in the order of coming. */
  registrationsAtOnceMax: 256,
  /** Sessions that an earlier process has left, ended at once: agents that come back go first. */
  endedAtOnceMax: 32,
  /** Frames that came before the registration was done. */
  heldFramesMax: 2_000,
  heldBytesMax: 32 * MiB,
  /** Facts of one socket that are not stored yet; beyond it the socket is not read until half of them are. */
  pendingFactsMax: 512,
  pendingBytesMax: 32 * MiB,
  /** The same for all sockets together; beyond it every socket that owes something is not read. */
  pendingBytesOfAllMax: 256 * MiB,
  /**
   * What one socket may send at once and in the long run, in messages and bytes; over it the socket is not read until it is paid
   * for. What agents keep while they are away (5,000 events, 10,000 lines) is within the burst.
   */
  messageRate: { burst: 10_000, perSecond: 2_000 },
  byteRate: { burst: 64 * MiB, perSecond: 16 * MiB },
  /** The first frames of a socket, as far as they are small, cost nothing. */
  freeFramesMax: 16,
  freeFrameBytesMax: 64 * 1024,
  /** In messages. One that comes so long after the last word costs nothing. */
  heartbeatCost: 0.1,
  heartbeatFreeMs: 1_000,
  /** An agent over its rate is told so, and again after the interval. */
  slowedAgainMs: 10_000,
  /** Log lines of one socket that are not stored yet; beyond it lines are dropped, and counted, until half of them are. */
  pendingLogBytesMax: 16 * MiB,
  pendingLogLinesMax: 100_000,
  /** The same while all sockets together owe more than half of what they may. */
  crowdedLogBytesMax: MiB,
  crowdedLogLinesMax: 10_000,
  /** Unsent bytes of one socket; beyond it the agent does not read and is closed with 1013. */
  unsentBytesMax: 8 * MiB,
  /** The same for all sockets together; beyond it those are closed that have more than their share. */
  unsentBytesOfAllMax: 512 * MiB,
  unsentShareBytes: 256 * 1024,
  pingEveryMs: 30_000,
  /** Pings are spread over their interval in so many steps. */
  pingSlices: 30,
  pongsMissedMax: 2,
  silenceMs: 180_000,
  /** From our close frame to the end of a socket whose agent does not answer it. */
  closeGraceMs: 2_000,
  /** Violations of one socket that are stored: so many at once, then one per interval. */
  violationsMax: 10,
  violationEveryMs: 10_000,
  /** Jobs of one socket that are not its own and of which it is remembered when it was told so; again after the interval. */
  strayJobsMax: 1_000,
  stopAgainMs: 1_000,
  /** Offers to one socket that are recognised as written. */
  sentMax: 1_000,
  /** Runs that are said to have ended and whose attempts are still recognised. */
  endedRunsMax: 5_000,
  /** Runs that are kept folded. */
  foldedRunsMax: 2_000,
  foldedBytesMax: 64 * MiB,
  /** Runs that are looked at at once when agents come and go. */
  reconciledAtOnceMax: 16,
  /** The lease of a gateway lapses this long after its last renewal. */
  leaseMs: 5_000,
  /** A live session is said again within this time, well inside the age that its stream keeps, and looked for so often. */
  presentMs: 24 * 60 * 60 * 1_000,
  presentLookMs: 60_000,
  /** How often what the gateway knows is saved, so that its next start need not read the whole log. */
  saveMs: 60_000,
  appendDeadlineMs: 10_000,
  /** An agent that emits an event waits five seconds, and then goes on as if it had a receipt. */
  emitAnswerMs: 4_500,
  /** Events of one name that an org may emit in the window, and names that are counted. */
  eventsPerWindowMax: 100,
  eventWindowMs: 60_000,
  eventNamesMax: 10_000,
  /** Attempts whose logs are counted in memory; of the others it is counted from the log again. */
  loggedAttemptsMax: 20_000,
  /** Agents wait 30 s for an answer about an object, and a dispatch has to reach its agent well within its deadline. */
  objectAnswerMs: 25_000,
  objectLookMs: 2_000,
  /** Prefixes that are tried for one restore. */
  restoreKeysMax: 64,
  /** A bundle of an agent's logs: what it has beside the raw lines, and how long it may be silent between its frames. */
  bundleOverheadBytes: MiB,
  bundleSilenceMs: 30_000,
  bundleLookMs: 250,
  bundlesMax: 32,
  /** How long a gateway that stops waits for the log, before it leaves the rest to its next start. */
  drainMs: 4_000,
} as const;
