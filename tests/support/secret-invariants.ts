/** Invariant 8: no secret in plain text, nor in a plain disguise, in any stream, table or output. */
import type { Evidence, Violation } from './evidence.ts';

/** A secret as text may carry it: plain, JSON, hex, URL, and base64 wherever in the encoded bytes it may begin. */
export function disguises(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  const base64 = [0, 1, 2].map((offset) => {
    const shifted = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    // What the neighbours have a part in is left out.
    return shifted.slice(offset === 0 ? 0 : offset + 1, -1);
  });
  const hex = bytes.toString('hex');
  return [
    ...new Set([
      secret,
      escaped(secret),
      escaped(escaped(secret)),
      hex,
      hex.toUpperCase(),
      encodeURIComponent(secret),
      ...base64,
      ...base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
    ]),
  ];
}

const escaped = (text: string): string => JSON.stringify(text).slice(1, -1);

/** Gives the index of each canary that a text has in it. Texts are many and long, and few have even the beginning of a disguise. */
export function leakFinder(canaries: readonly string[]): (text: string) => readonly number[] {
  const all = canaries.flatMap((canary, index) =>
    disguises(canary).map((disguise) => ({ disguise, index })),
  );
  if (all.length === 0) return () => [];
  const some = new Set(all.map(({ disguise }) => RegExp.escape(disguise.slice(0, beginningChars))));
  const beginnings = new RegExp([...some].join('|'), 'g');
  return (text) => {
    const found = new Set<number>();
    for (let hit = beginnings.exec(text); hit !== null; hit = beginnings.exec(text)) {
      for (const { disguise, index } of all)
        if (text.startsWith(disguise, hit.index)) found.add(index);
      // Another may begin within this one.
      beginnings.lastIndex = hit.index + 1;
    }
    return [...found];
  };
}

const beginningChars = 8;

export function noSecretInPlainText(evidence: Evidence): readonly Violation[] {
  const found: Violation[] = [];
  const leaksIn = leakFinder(evidence.canaries);
  const look = (where: string, seq: number | null, text: string): void => {
    for (const index of leaksIn(text))
      found.push({ invariant: 8, seq, what: `canary ${index} lies in ${where}` });
  };
  for (const [stream, messages] of Object.entries(evidence.log))
    for (const { seq, subject, headers, body } of messages)
      look(
        `${stream} ${subject}`,
        seq,
        `${subject}\n${JSON.stringify(headers)}\n${Buffer.from(body).toString('utf8')}`,
      );
  for (const [table, rows] of Object.entries(evidence.tables))
    for (const [index, row] of rows.entries())
      look(`table ${table}, row ${index}`, null, JSON.stringify(row));
  for (const { runId, lastSeq, body } of evidence.records)
    look(`the record of ${runId}`, lastSeq, Buffer.from(body).toString('utf8'));
  for (const [name, text] of Object.entries(evidence.output))
    look(`the output ${name}`, null, text);
  return found;
}
