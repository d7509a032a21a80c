/**
 * Lists in pages: `{ items, next }`, where `next` is an opaque cursor for the page after. A cursor names a place in an order
 * that never changes, so that nothing is skipped or repeated while rows are written.
 */

export const pageLimitMax = 200;
export const pageLimitDefault = 50;

export type PageRequest = Readonly<{ cursor?: string | undefined; limit?: number | undefined }>;
export type Page<T> = Readonly<{ items: readonly T[]; next: string | null }>;
/** What a list answers to a cursor that it did not make. */
export type BadCursor = Readonly<{ code: 'bad-cursor' }>;
export const badCursor: BadCursor = { code: 'bad-cursor' };

export const isBadCursor = <T>(page: Page<T> | BadCursor): page is BadCursor => 'code' in page;

export const limitOf = (request: PageRequest): number =>
  Math.min(Math.max(Math.trunc(request.limit ?? pageLimitDefault), 1), pageLimitMax);

const encode = (text: string): string => Buffer.from(text, 'utf8').toString('base64url');
const decode = (cursor: string): string => Buffer.from(cursor, 'base64url').toString('utf8');

export const seqCursor = (seq: number): string => encode(String(seq));
export const nameCursor = (name: string): string => encode(`n:${name}`);

/** The sequence that the page begins below; undefined for a cursor that is none. Without a cursor: above everything. */
export function seqOf(cursor: string | undefined): number | undefined {
  if (cursor === undefined) return Number.MAX_SAFE_INTEGER;
  const text = decode(cursor);
  return /^\d{1,15}$/.test(text) && encode(text) === cursor ? Number(text) : undefined;
}

type RowPlace = Readonly<{ seq: number; index: number }>;
/** Of a list whose sequences have several rows. */
export const rowCursor = ({ seq, index }: RowPlace): string => encode(`r:${seq}:${index}`);

/** The row that the page begins behind; without a cursor, before all; undefined for a cursor that is none. */
export function rowOf(cursor: string | undefined): RowPlace | undefined {
  if (cursor === undefined) return { seq: 0, index: -1 };
  const text = decode(cursor);
  const [, seq, index] = /^r:(\d{1,15}):(\d{1,9})$/.exec(text) ?? [];
  return seq !== undefined && encode(text) === cursor
    ? { seq: Number(seq), index: Number(index) }
    : undefined;
}

type Place = Readonly<{ at: string; id: string }>;
/** Of a list that is ordered by time, and where times are equal by id. */
export const placeCursor = ({ at, id }: Place): string => encode(`t:${at}:${id}`);

/** The place that the page begins below: null without a cursor; undefined for one that is none. */
export function placeOf(cursor: string | undefined): Place | null | undefined {
  if (cursor === undefined) return null;
  const text = decode(cursor);
  const [, at, id] =
    /^t:(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z):([A-Za-z0-9_-]{1,128})$/.exec(text) ?? [];
  const isTime = at !== undefined && !Number.isNaN(Date.parse(at));
  return isTime && id !== undefined && encode(text) === cursor ? { at, id } : undefined;
}

/** The name that the page begins after; without a cursor, the empty one. */
export function nameOf(cursor: string | undefined): string | undefined {
  if (cursor === undefined) return '';
  const text = decode(cursor);
  return /^n:[A-Za-z0-9_-]{1,64}$/.test(text) && encode(text) === cursor
    ? text.slice(2)
    : undefined;
}

/** From one row more than asked for: whether there is a next page, and where it begins. */
export function pageOf<R, T>(
  rows: readonly R[],
  limit: number,
  o: Readonly<{ item: (row: R) => T; cursor: (row: R) => string }>,
): Page<T> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: shown.map(o.item),
    next: rows.length > limit && last !== undefined ? o.cursor(last) : null,
  };
}
