/**
 * What of a frame about a job is stored, and what is told of it beside: logs up to their limit, remarks without secrets, the
 * place of the log with a job's last word. Everything else is stored as it came.
 */
import type { Run } from '@waybill/protocol';
import type { Custody } from '../domain/custody.ts';
import { isTerminalStatus, type JobFrame } from '../domain/fact.ts';
import { heldAttempt } from '../domain/history.ts';
import { remarkBody } from './kept-body.ts';
import { type Admitted, LOG_CUT, type LogLedger } from './log-ledger.ts';
import type { RunHistory } from './run-history.ts';

export type Kept = Readonly<{
  body: string | Uint8Array;
  /** Headers beside the usual. */
  extra?: Readonly<Record<string, string>>;
  /** To be called once it is stored. */
  stored?: Admitted['stored'];
  /** What a concurrency report is answered with. */
  action?: 'proceed' | 'cancel';
}>;

type Deps = Readonly<{ history: RunHistory; logs: LogLedger }>;
type Of = Readonly<{ custody: Custody; isCurrent: boolean }>;

/** Undefined where nothing of it is stored. */
export async function keptOf(
  { history, logs }: Deps,
  message: JobFrame,
  raw: Uint8Array,
  { custody, isCurrent }: Of,
): Promise<Kept | undefined> {
  switch (message.type) {
    case 'log.chunk': {
      const admitted = await logs.admit(custody, message, raw);
      if (admitted === undefined) return undefined;
      const { body, stored, isCut } = admitted;
      return { body, stored, ...(isCut ? { extra: { [LOG_CUT]: '1' } } : {}) };
    }
    case 'job.status':
      return isTerminalStatus(message)
        ? { body: raw, extra: await logs.range(custody) }
        : { body: raw };
    case 'job.concurrency.report': {
      const goes = isCurrent && goesOn(await history.current(custody), custody);
      const action = goes ? 'proceed' : 'cancel';
      return { body: JSON.stringify({ ...message, action }), action };
    }
    case 'run.event':
    case 'job.context':
      return { body: remarkBody(message) };
    case 'workspace.ref':
    case 'context.bundle':
      return { body: withoutCredentials(raw) };
    default:
      return { body: raw };
  }
}

/** Who names a repository often names it as it was cloned, with the password in its address. */
function withoutCredentials(raw: Uint8Array): string | Uint8Array {
  const text = Buffer.from(raw).toString('utf8');
  return text.replace(CREDENTIALS, '$1') === text ? raw : text.replaceAll(CREDENTIALS, '$1');
}

const CREDENTIALS = /([a-z][a-z0-9+.-]{0,31}:\/\/)[^\s"/@]{1,4096}@/gi;

/** Whether nobody has asked for the end of the attempt. */
function goesOn(run: Run, { jobId, attempt }: Custody): boolean {
  const held = heldAttempt(run, jobId, attempt);
  if (held === undefined) return false;
  return held.job.cancel === null && held.job.state !== 'cancelling' && held.attempt.stop === null;
}
