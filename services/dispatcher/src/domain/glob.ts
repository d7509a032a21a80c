/**
 * Globs over branches and paths as rules write them, and over repositories as agents name them: `*` within a segment, `**`
 * across segments, `?` one character; a leading `!` takes back what an earlier glob let in. Whoever writes a glob, the time that it
 * takes is bounded by its length times that of the text.
 */

/** True if the last glob that speaks of the text lets it in; a list of exclusions alone lets in the rest. */
export function matchesGlobs(globs: readonly string[], text: string): boolean {
  let matched = globs.every((glob) => glob.startsWith('!'));
  for (const glob of globs) {
    const excludes = glob.startsWith('!');
    if (isMatch(excludes ? glob.slice(1) : glob, text)) matched = !excludes;
  }
  return matched;
}

/** Marks where in the text the glob may stand after each of its parts: going back and forth would take for ever. */
function isMatch(glob: string, text: string): boolean {
  let ends = new Uint8Array(text.length + 1);
  ends[0] = 1;
  for (let at = 0; at < glob.length; ) {
    const part = partAt(glob, at);
    ends = endsOf(part, text, ends);
    if (!ends.includes(1)) return false;
    at += part.length;
  }
  return ends[text.length] === 1;
}

function partAt(glob: string, at: number): string {
  if (glob.startsWith('**/', at)) return '**/';
  return glob.startsWith('**', at) ? '**' : glob.charAt(at);
}

function endsOf(part: string, text: string, begins: Uint8Array): Uint8Array<ArrayBuffer> {
  if (part.startsWith('*')) return endsOfMany(part, text, begins);
  const ends = new Uint8Array(begins.length);
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    const isPart = part === '?' ? char !== '/' : char === part;
    if (isPart && begins[at] === 1) ends[at + 1] = 1;
  }
  return ends;
}

/** Of a part for any number of characters, none included. */
function endsOfMany(part: string, text: string, begins: Uint8Array): Uint8Array<ArrayBuffer> {
  const ends = new Uint8Array(begins);
  let isOpen = false;
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    isOpen ||= begins[at] === 1;
    if (part === '*' && char === '/') isOpen = false;
    if (isOpen && (part !== '**/' || char === '/')) ends[at + 1] = 1;
  }
  return ends;
}
