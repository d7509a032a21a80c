/** A moment of server time as stored bodies and views have it: Unix milliseconds that a date can name. */
import { z } from 'zod';

const LAST = 8_640_000_000_000_000;

/** As far as a date can name it, so that a view of the run can always be written. */
export const instant = z.int().nonnegative().max(LAST);

/** ISO 8601 in UTC. Total: a deadline that no date can name is shown as the last one that can. */
export const iso = (at: number | null): string | null =>
  at === null ? null : new Date(Math.min(at, LAST)).toISOString();

/** Nothing ends before it began, though a clock of the log may step back: durations are never negative. */
export const notBefore = (began: number | null, at: number): number => Math.max(began ?? at, at);
