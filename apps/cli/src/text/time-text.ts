/** Times and durations as people read them. A time is relative where somebody is looking now, else the instant itself. */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export function durationText(ms: number): string {
  if (ms < SECOND) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 10 * SECOND) return `${(ms / SECOND).toFixed(2)} s`;
  if (ms < MINUTE) return `${(ms / SECOND).toFixed(1)} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min ${Math.floor((ms % MINUTE) / SECOND)} s`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)} h ${Math.floor((ms % HOUR) / MINUTE)} min`;
  return `${Math.floor(ms / DAY)} d ${Math.floor((ms % DAY) / HOUR)} h`;
}

/** `null` and what is no time read as a dash. */
export function whenText(at: string | null, nowMs: number, relative: boolean): string {
  const ms = at === null ? Number.NaN : Date.parse(at);
  if (Number.isNaN(ms)) return '-';
  if (!relative) return new Date(ms).toISOString();
  const ageMs = nowMs - ms;
  if (ageMs < SECOND) return 'now';
  if (ageMs < MINUTE) return `${Math.floor(ageMs / SECOND)} s ago`;
  if (ageMs < HOUR) return `${Math.floor(ageMs / MINUTE)} min ago`;
  if (ageMs < DAY) return `${Math.floor(ageMs / HOUR)} h ago`;
  return `${Math.floor(ageMs / DAY)} d ago`;
}

/** A time to come; one that is over reads as now. */
export function untilText(at: string, nowMs: number, relative: boolean): string {
  const leftMs = Date.parse(at) - nowMs;
  return relative && leftMs > 0
    ? `${durationText(leftMs)} from now`
    : whenText(at, nowMs, relative);
}

export const clockText = (at: string): string => /T(\d\d:\d\d:\d\d\.\d{3})/.exec(at)?.[1] ?? at;
