/**
 * A rule file cut into its documents, so that each goes to the api alone with its lines where they were in the file: a
 * document is sent behind as many empty lines as stand before it. The api parses it; here only its name is looked for.
 */

export type RuleDocument = Readonly<{
  /** As far as it can be seen from outside; undefined where it takes a parser. */
  name: string | undefined;
  text: string;
}>;

export function ruleDocuments(text: string): readonly RuleDocument[] {
  const parts: { from: number; lines: string[] }[] = [{ from: 0, lines: [] }];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    // In the first column these are markers wherever they stand, even inside of a block of text.
    if (/^---(?:\s|$)/.test(line)) parts.push({ from: index, lines: [line.slice(3).trimStart()] });
    else if (/^\.\.\.(?:\s|$)/.test(line)) parts.push({ from: index + 1, lines: [] });
    else parts.at(-1)?.lines.push(line);
  }
  return parts
    .filter(({ lines }) => lines.some((line) => line.trim() !== '' && !/^\s*[#%]/.test(line)))
    .map(({ from, lines }) => ({
      name: nameIn(lines),
      text: '\n'.repeat(from) + lines.join('\n'),
    }));
}

const QUOTED = String.raw`["']?([^"'\s,}#]+)["']?`;
const inBraces = new RegExp(
  String.raw`["']?metadata["']?\s*:\s*\{[^}]*?["']?name["']?\s*:\s*${QUOTED}`,
);
const inBlock = new RegExp(String.raw`^\s+["']?name["']?\s*:\s*${QUOTED}`);

function nameIn(lines: readonly string[]): string | undefined {
  const flow = inBraces.exec(lines.join('\n'))?.[1];
  if (flow !== undefined) return flow;
  const start = lines.findIndex((line) => /^["']?metadata["']?\s*:\s*(?:#.*)?$/.test(line));
  if (start < 0) return undefined;
  for (const line of lines.slice(start + 1)) {
    if (/^\S/.test(line) && !line.startsWith('#')) return undefined;
    const name = inBlock.exec(line)?.[1];
    if (name !== undefined) return name;
  }
  return undefined;
}
