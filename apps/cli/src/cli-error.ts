/** What a command ends with when it cannot do what it was asked: one message that names the fix, and an exit code. */

export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitCode: number;

  constructor(exitCode: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** As in `@waybill/process`, which is too slow to load for a message about an option. */
export const exits = {
  ok: 0,
  failure: 1,
  usage: 2,
  unavailable: 69,
  tryLater: 75,
  config: 78,
  interrupted: 130,
  terminated: 143,
} as const;

export const usageError = (message: string): CliError => new CliError(exits.usage, message);
