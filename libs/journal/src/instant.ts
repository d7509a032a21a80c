/**
 * Server timestamps as Unix milliseconds, rounded down: RFC 3339 text of the JetStream API and nanoseconds of a delivery.
 * The log's time is the server's; nothing here depends on the host.
 */
export function instantOf(text: string): number {
  const instant = Date.parse(text);
  if (Number.isNaN(instant)) throw new RangeError(`not a server timestamp: ${text}`);
  return instant;
}

/** Decimal digits of nanoseconds, too many for a number: cut before they are read. */
export const instantOfNanos = (digits: string): number => Number(digits.slice(0, -6));
