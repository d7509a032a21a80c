/**
 * How values leave Postgres: sequences and counts as numbers, instants as ISO 8601 in UTC to the millisecond, as the api
 * writes them. Connections run in UTC, so that text is all that an instant ever is here.
 */
import pg from 'pg';

export const columnTypes = new pg.TypeOverrides();
columnTypes.setTypeParser(pg.types.builtins.INT8, parseWhole);
columnTypes.setTypeParser(pg.types.builtins.TIMESTAMPTZ, parseInstant);

export function parseWhole(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value))
    throw new RangeError(`${text} is too large for a sequence or a count`);
  return value;
}

const POSTGRES = /^(\d{4,6})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?\+00$/;

/** `2026-01-02 03:04:05.6+00` as `2026-01-02T03:04:05.600Z`; years past 9999 as ECMAScript writes them. */
export function parseInstant(text: string): string {
  const parts = POSTGRES.exec(text);
  if (parts === null) throw new RangeError(`not an instant in UTC: ${text}`);
  const [, year = '', month, day, hour, minute, second, fraction = ''] = parts;
  const wide = year.length > 4 ? `+${year.padStart(6, '0')}` : year;
  return `${wide}-${month}-${day}T${hour}:${minute}:${second}.${fraction.padEnd(3, '0').slice(0, 3)}Z`;
}
