/**
 * Why the servers could not be started. Every code has one exit code, so that a command can end with
 * it and a script can tell "install something" (69) from "change something" (78).
 */

const exitCodes = {
  'nats-server-missing': 69,
  'nats-server-too-old': 78,
  'postgres-unsupported': 69,
  'home-unusable': 78,
  'home-in-use': 1,
  'start-failed': 1,
} as const;

export type EmbeddedErrorCode = keyof typeof exitCodes;

export class EmbeddedError extends Error {
  override readonly name = 'EmbeddedError';
  readonly code: EmbeddedErrorCode;
  readonly exitCode: 69 | 78 | 1;

  constructor(code: EmbeddedErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.exitCode = exitCodes[code];
  }
}
