/**
 * The public door of `@waybill/process`: clocks, config, logs, sealing, start and stop. Tests also
 * have `./testing`.
 */
export { type BackoffOptions, backoffMs, type RetryOptions, retry } from './backoff.ts';
export { type Clock, systemClock, type Timer, type TimerOptions } from './clock.ts';
export { commonSettings, commonVariables, natsVariables } from './common-setting.ts';
export { type Environment, type ReadConfigOptions, readConfig } from './config.ts';
export { ConfigError, type ConfigProblem } from './config-error.ts';
export { type ConfigRow, describeConfig } from './config-row.ts';
export { exitCodeOf, exitCodes } from './exit-code.ts';
export { newId } from './id.ts';
export {
  createKeyRing,
  dropRingKey,
  type KeyRing,
  parseKeyRing,
  type RingKey,
  rotateKeyRing,
  sealingRing,
  serialiseKeyRing,
} from './key-ring.ts';
export {
  type LifecycleOptions,
  type Part,
  type Running,
  StopIncomplete,
  startParts,
} from './lifecycle.ts';
export {
  createLogger,
  type Logger,
  type LoggerOptions,
  type LogLevel,
  logLevels,
} from './logger.ts';
export { type ManualClock, manualClock } from './manual-clock.ts';
export { type Milestone, milestone, milestoneChannel, milestones } from './milestone.ts';
export { openFileLimit, outOfOpenFiles } from './open-files.ts';
export { isOutage, Outage } from './outage.ts';
export { isAlive, processKey } from './process-birth.ts';
export { type SerialQueue, serialQueue } from './queue.ts';
export {
  type Check,
  type Readiness,
  type ReadinessGate,
  type ReadinessReport,
  readiness,
} from './readiness.ts';
export { isSecretKey, redact } from './redaction.ts';
export { type ProcessLike, runAlone } from './run-alone.ts';
export {
  openRunOutput,
  type RunOutputName,
  runPublicKey,
  type SealedRunOutput,
  sealRunOutput,
} from './run-output.ts';
export { type SafeError, safeError } from './safe-error.ts';
export { SealError } from './seal-error.ts';
export {
  digest,
  isSealed,
  open,
  type SealContext,
  type Sealed,
  seal,
  sealedKid,
} from './sealing.ts';
export {
  maskSecrets,
  redacted,
  registerSecretValue,
  registerSecretValues,
} from './secret-value.ts';
export type { Host, Service } from './service.ts';
export {
  boolSetting,
  durationSetting,
  isSecretSetting,
  logLevelSetting,
  natsServers,
  natsUrlSetting,
  portSetting,
  secretSetting,
  textSetting,
  urlSetting,
  wholeNumberSetting,
} from './setting.ts';
export {
  type RunSource,
  runUntilSignal,
  type SignalRunOptions,
  type SignalSource,
} from './signal-run.ts';
export { hashToken, newToken, tokenMatches } from './token.ts';
export { childTraceparent, newTraceparent, parseTraceparent, type TraceContext } from './trace.ts';
export { closest } from './unknown-variable.ts';
