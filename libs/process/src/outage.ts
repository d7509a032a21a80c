/**
 * What is not there right now: a server, a quorum, room in a queue. Whoever catches one may try
 * again; every other thrown error is a defect and ends the process.
 */
export class Outage extends Error {
  override readonly name = 'Outage';
  readonly code: string;

  constructor(code: string, message: string, options?: Readonly<{ cause?: unknown }>) {
    super(message, options);
    this.code = code;
  }
}

/** By shape and not by class, so that it also holds across two copies of the package. */
export function isOutage(error: unknown): error is Outage {
  return error instanceof Error && error.name === 'Outage' && 'code' in error;
}
