/** The process's exit codes, after sysexits, and which of them an error means. */
import { isOutage } from './outage.ts';

export const exitCodes = {
  ok: 0,
  failure: 1,
  usage: 2,
  unavailable: 69,
  tryLater: 75,
  config: 78,
} as const;

/** An error may name its own code (`exitCode`); an outage is 69; everything else is a failure. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof Error && 'exitCode' in error && typeof error.exitCode === 'number')
    return error.exitCode;
  return isOutage(error) ? exitCodes.unavailable : exitCodes.failure;
}
