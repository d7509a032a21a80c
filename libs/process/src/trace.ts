/**
 * W3C trace context, as far as an envelope and a log line need it: make one, read one, continue
 * one.
 */
import { randomBytes } from 'node:crypto';

export type TraceContext = Readonly<{ traceId: string; spanId: string; sampled: boolean }>;

const shape = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

export function newTraceparent(): string {
  return format({ traceId: nonZero(16), spanId: nonZero(8), sampled: true });
}

/** A later version may carry more fields behind; version 00 may not, and ff never exists. */
export function parseTraceparent(traceparent: string): TraceContext | undefined {
  const [, version, traceId, spanId, flags, more] = shape.exec(traceparent) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** The same trace with a new span; what cannot be read starts a trace of its own. */
export function childTraceparent(parent: string): string {
  const context = parseTraceparent(parent);
  return context ? format({ ...context, spanId: nonZero(8) }) : newTraceparent();
}

function format({ traceId, spanId, sampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;
}

function nonZero(bytes: number): string {
  const hex = randomBytes(bytes).toString('hex');
  return /^0+$/.test(hex) ? nonZero(bytes) : hex;
}
