/**
 * Which errors of Postgres and its driver mean "not there right now": connections lost or refused, a server that stops,
 * starts, is full or read-only, and conflicts that pass. Everything else is a defect of ours.
 */
import { isOutage } from '@waybill/process';

const systemCodes: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);
/** Serialization failure, deadlock, lock or statement given up, read-only, recovery conflicts. */
const passing: ReadonlySet<string> = new Set(['40001', '40P01', '55P03', '57014', '25006']);
/** Connection exceptions, insufficient resources, operator intervention, system errors (a full or failing disk). */
const classes = ['08', '53', '57P', '58'];
/** The driver gives these no code. */
const messages =
  /connection terminated|connection error and is not queryable|timeout exceeded when trying to connect|connection ended unexpectedly/i;

export function isDatabaseOutage(error: unknown): boolean {
  if (isOutage(error)) return true;
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError && error.errors.some(isDatabaseOutage)) return true;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (systemCodes.has(code) || passing.has(code)) return true;
  if (/^[0-9A-Z]{5}$/.test(code) && classes.some((prefix) => code.startsWith(prefix))) return true;
  return messages.test(error.message) || isDatabaseOutage(error.cause);
}
