/**
 * What the journal throws besides outages. A JournalError is a wrong set-up that no retry mends: the process ends with 78.
 * LogRegressed says that the log is shorter than a reader's position, or another one: reading on would silently skip.
 */
export type JournalErrorCode =
  | 'server-too-old'
  | 'no-jetstream'
  | 'not-permitted'
  | 'no-stream'
  | 'not-accepted'
  | 'would-weaken';

export class JournalError extends Error {
  override readonly name = 'JournalError';
  readonly code: JournalErrorCode;
  readonly exitCode = 78;

  constructor(code: JournalErrorCode, message: string, options?: Readonly<{ cause?: unknown }>) {
    super(message, options);
    this.code = code;
  }
}

export class LogRegressed extends Error {
  override readonly name = 'LogRegressed';
  readonly code = 'log-regressed';
}

/** By shape and not by class, so that both also hold across two copies of the package. */
export const isJournalError = (error: unknown): error is JournalError =>
  error instanceof Error && error.name === 'JournalError';
export const isLogRegressed = (error: unknown): error is LogRegressed =>
  error instanceof Error && error.name === 'LogRegressed';
