/** What happened, event by event: as one number, so that two runs can be compared, and as lines for whoever reads them. */

export type Trace = Readonly<{
  event(atMs: number, no: number, name: string, what: string): void;
  /** Something worth a line that is no event of its own. */
  note(atMs: number, name: string, what: string): void;
  /** Of everything so far. */
  hash(): string;
  /** The last lines; all of them where they are kept. */
  lines(): readonly string[];
  keepAll(): void;
}>;

type Line = Readonly<{ atMs: number; name: string; what: string }>;

const linesMax = 160;
/** Ticks that only look whether there is something to do: hashed like all, of no interest to a reader. */
const isDull = (what: string): boolean => what === 'timer';

export function openTrace(): Trace {
  let low = 0x811c9dc5;
  let high = 0x1b873593;
  let lines: Line[] = [];
  let keepsAll = false;

  const mix = (value: number): void => {
    low = Math.imul(low ^ value, 0x01000193) >>> 0;
    high = (Math.imul(high ^ (value + (low >>> 7)), 0xcc9e2d51) + 0x52dce729) >>> 0;
  };
  const put = (atMs: number, name: string, what: string): void => {
    for (let at = 0; at < what.length; at++) mix(what.charCodeAt(at));
    if (isDull(what)) return;
    lines.push({ atMs, name, what });
    if (!keepsAll && lines.length > 2 * linesMax) lines = lines.slice(-linesMax);
  };
  return {
    event: (atMs, no, name, what) => {
      mix(Math.round(atMs * 1_000));
      mix(no);
      put(atMs, name, what);
    },
    note: put,
    hash: () => high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0'),
    lines: () =>
      lines
        .slice(keepsAll ? 0 : -linesMax)
        .map(
          ({ atMs, name, what }) => `${atMs.toFixed(3).padStart(12)}  ${name.padEnd(14)}  ${what}`,
        ),
    keepAll: () => {
      keepsAll = true;
    },
  };
}
