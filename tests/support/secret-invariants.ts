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

/** The index of each canary that the text has in it. */
export function leaksIn(text: string, canaries: readonly string[]): readonly number[] {
  return canaries.flatMap((canary, index) =>
    disguises(canary).some((disguise) => text.includes(disguise)) ? [index] : [],
  );
}

export function noSecretInPlainText(evidence: Evidence): readonly Violation[] {
  const found: Violation[] = [];
  const look = (where: string, seq: number | null, text: string): void => {
    for (const index of leaksIn(text, evidence.canaries))
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
