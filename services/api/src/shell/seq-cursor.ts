/** Opaque cursors of lists in log order: the sequence after which the next page begins. */

export const cursorOf = (seq: number): string => Buffer.from(`after:${seq}`).toString('base64url');

/** 0 without a cursor; undefined for one that was not given here. */
export function seqOfCursor(cursor: string | undefined): number | undefined {
  if (cursor === undefined) return 0;
  const seq = /^after:(\d{1,15})$/.exec(Buffer.from(cursor, 'base64url').toString('utf8'))?.[1];
  return seq !== undefined && cursorOf(Number(seq)) === cursor ? Number(seq) : undefined;
}
