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
  socketsMax: 20_000,
  strangersMax: 2_000,
  /** Frames that came before the registration was done. */
  heldFramesMax: 2_000,
  heldBytesMax: 32 * MiB,
  /** Facts of one socket that are not stored yet; beyond it the socket is not read until half of them are. */
  pendingFactsMax: 512,
  pendingBytesMax: 32 * MiB,
  /** The same for all sockets together; beyond it every socket that owes something is not read. */
  pendingBytesOfAllMax: 256 * MiB,
  /** Unsent bytes of one socket; beyond it the agent does not read and is closed with 1013. */
  unsentBytesMax: 8 * MiB,
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
  /** A live session is said again within this time, well inside the age that its stream keeps. */
  presentMs: 24 * 60 * 60 * 1_000,
  /** How often what the gateway knows is saved, so that its next start need not read the whole log. */
  saveMs: 60_000,
  appendDeadlineMs: 10_000,
  /** How long a gateway that stops waits for the log, before it leaves the rest to its next start. */
  drainMs: 4_000,
} as const;
