/** What a reader does with an event that it cannot read: goes on, unless a newer build wrote it. */
import { exitCodes, type Logger } from '@waybill/process';
import type { StoredMessage, Unreadable } from '@waybill/protocol';

export class NewerVersion extends Error {
  readonly code = 'newer-version';
  /** Starting it again mends nothing. */
  readonly exitCode = exitCodes.config;
}

/** Throws for a newer schema version, because what follows would be misjudged; the projector reports all else. */
export function refuseNewer(message: StoredMessage, problem: Unreadable, log: Logger): void {
  const { stream, seq } = message;
  if (problem.code === 'newer-version')
    throw new NewerVersion(
      `${stream} ${seq}: ${problem.detail}; start a newer build of this service`,
    );
  log.warn({ stream, seq, code: problem.code }, 'unreadable message passed over');
}
