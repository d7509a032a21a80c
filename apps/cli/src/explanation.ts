/** The end of a command that failed: one message for a person, every secret masked, and the exit code that it means. */
import { exitCodeOf, isOutage, type SafeError, safeError } from '@waybill/process';
import { CliError } from './cli-error.ts';
import type { Terminal } from './terminal.ts';
import { printable } from './terminal.ts';

export function explain(error: unknown, terminal: Terminal): number {
  const safe = safeError(error);
  const expected = error instanceof CliError || isOutage(error) || hasExitCode(error);
  const lines = [`waybill: ${safe.message}`, ...causes(safe.cause, safe.message)];
  // A defect: whoever reports it needs the place.
  if (!expected && safe.stack !== undefined) lines.push(safe.stack);
  terminal.err(`${lines.map(printable).join('\n')}\n`);
  return exitCodeOf(error);
}

const hasExitCode = (error: unknown): boolean => error instanceof Error && 'exitCode' in error;

/** A cause that its effect quotes already is not said again. */
function causes(cause: SafeError | undefined, said: string): readonly string[] {
  if (cause === undefined) return [];
  const lines =
    cause.message === '' || said.includes(cause.message) ? [] : [`  because: ${cause.message}`];
  return [...lines, ...causes(cause.cause, cause.message)];
}
