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

const PARTS = /\*\*\/|\*\*|[^]/g;

/** Marks where in the text the glob may stand after each of its parts: going back and forth would take for ever. */
function isMatch(glob: string, text: string): boolean {
  let ends = Array.from({ length: text.length + 1 }, (_, at) => at === 0);
  for (const [part] of glob.matchAll(PARTS)) {
    ends = endsOf(part, text, ends);
    if (!ends.includes(true)) return false;
  }
  return ends[text.length] === true;
}

function endsOf(part: string, text: string, begins: readonly boolean[]): boolean[] {
  let isOpen = false;
  return begins.map((begin, at) => {
    const before = at === 0 ? '' : text.charAt(at - 1);
    const isBehindOne = at > 0 && begins[at - 1] === true;
    switch (part) {
      case '**/':
        isOpen ||= isBehindOne;
        return begin || (isOpen && before === '/');
      case '**':
        isOpen ||= begin;
        return isOpen;
      case '*':
        isOpen = begin || (isOpen && before !== '/');
        return isOpen;
      case '?':
        return isBehindOne && before !== '/';
      default:
        return isBehindOne && before === part;
    }
  });
}
