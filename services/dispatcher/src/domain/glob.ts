/**
 * Globs over branches and paths as rules write them: `*` within a segment, `**` across segments, `?` one character; a
 * leading `!` takes back what an earlier glob let in.
 */

/** True if the last glob that speaks of the text lets it in; a list of exclusions alone lets in the rest. */
export function matchesGlobs(globs: readonly string[], text: string): boolean {
  let matched = globs.every((glob) => glob.startsWith('!'));
  for (const glob of globs) {
    const excludes = glob.startsWith('!');
    if (regexOf(excludes ? glob.slice(1) : glob).test(text)) matched = !excludes;
  }
  return matched;
}

const WILD: Readonly<Record<string, string>> = {
  '**/': '(?:.*/)?',
  '**': '.*',
  '*': '[^/]*',
  '?': '[^/]',
};

const regexOf = (glob: string): RegExp =>
  new RegExp(
    `^${glob.replaceAll(/\*\*\/|\*\*|[*?]|[\\^$+.()|[\]{}]/g, (part) => WILD[part] ?? `\\${part}`)}$`,
    's',
  );
