/**
 * Values as Postgres can hold them. Agents and producers may send what it cannot: NUL, halves of surrogate pairs, numbers
 * without end, documents nested without end, instants past the calendar. A row shows the nearest thing; the log keeps the rest.
 */

const depthMax = 64;
/** The last instant of the year 9999: Postgres takes the sign before a longer year for a time zone. */
const instantMax = 253_402_300_799_999;

export const textValue = (text: string): string => {
  const clean = text.includes('\u0000') ? text.replaceAll('\u0000', '\ufffd') : text;
  return clean.toWellFormed();
};

export const numberValue = (value: number): number | null =>
  Number.isFinite(value) ? value : null;

/** One past the calendar is its last. */
export const instantValue = (at: number): number | null =>
  Number.isInteger(at) && at >= 0 ? Math.min(at, instantMax) : null;

/** A document for `jsonb`; what lies deeper than 64 levels reads as null. */
export function documentValue(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return textValue(value);
  if (typeof value === 'number') return numberValue(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= depthMax) return null;
  if (Array.isArray(value)) return value.map((each) => documentValue(each, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [textValue(key), documentValue(each, depth + 1)]),
  );
}
