/**
 * Every bound of the wire, once. Inbound bounds are set where agents that exist stay well inside
 * them: they stop abuse, not odd agents. Characters are UTF-16 code units.
 */
export const wireLimits = {
  /** One frame, both ways; a larger one closes the socket with 1009. */
  frameBytesMax: 26_214_400,
  /** Objects and lists inside each other; what is nested without end can be read and not written again. */
  frameDepthMax: 256,
  /** An id that Waybill mints and that has to fit one subject token. */
  ownIdCharsMax: 64,
  /** A run's or a job's id as it may appear on the wire. */
  idCharsMax: 128,
  /** Agents often use their host name, which may have 253 characters. */
  agentIdCharsMax: 256,
  /** Agents compose message ids from their own id and more. */
  messageIdCharsMax: 512,
  tokenCharsMax: 4_096,
  labelsMax: 64,
  labelCharsMax: 256,
  inFlightJobsMax: 1_000,
  concurrencyMax: 10_000,
  /** Platforms, versions, hashes, host names, codes. */
  shortTextCharsMax: 512,
  /** Step, job, event and metric names, cache keys. */
  nameCharsMax: 1_024,
  /** Reasons and error messages, stack traces included. */
  textCharsMax: 65_536,
  urlCharsMax: 16_384,
  linesMax: 10_000,
  lineCharsMax: 1_048_576,
  /** Lists of names: dropped jobs, secrets accessed, restore keys, target repositories. */
  namesMax: 10_000,
  metricsMax: 10_000,
  clausesMax: 256,
  registriesMax: 256,
  fleetChunkCharsMax: 1_048_576,
  usageEntriesMax: 1_000,
  tokensMax: 1_000_000_000_000,
  contextSourcesMax: 10_000,
  /** What a bundle may say of its size; larger ones fit no model. */
  contextBytesMax: 1_073_741_824,
  artifactNameCharsMax: 1_024,
  attemptMax: 1_000_000,
  /** What an upstream tier accepts of a status. */
  upstreamTextCharsMax: 2_000,
  upstreamRepoCharsMax: 256,
  upstreamRunsMax: 500,
  upstreamJobsMax: 1_000,
  upstreamLabelsMax: 30,
  /** The latest instant that a date can name, in Unix milliseconds. */
  timestampMax: 8_640_000_000_000_000,
  /** Problems reported for one frame; the rest adds nothing. */
  issuesMax: 20,
} as const;
