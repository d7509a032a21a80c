/** How long to wait before dialling again: growing, jittered so that a fleet does not return as one, and capped. */
export type ReconnectBackoff = Readonly<{ baseMs: number; factor: number; capMs: number }>;

export const reconnectBackoff: ReconnectBackoff = { baseMs: 1_000, factor: 1.5, capMs: 60_000 };

const jitterMax = 1.5;

/** After `failures` ends without a registration between them, counted from 0. The jitter is 1.0 to 1.5. */
export function reconnectDelayMs(
  failures: number,
  random: () => number,
  backoff: ReconnectBackoff = reconnectBackoff,
): number {
  const grown = backoff.baseMs * backoff.factor ** failures;
  // The cap holds with the jitter on top, so that agents stay apart at the cap too.
  const base = Math.min(grown, backoff.capMs / jitterMax);
  return Math.round(base * (1 + random() * (jitterMax - 1)));
}
