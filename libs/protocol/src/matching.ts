/**
 * Which agent may have a job: by its labels, by patterns over them, by what repels others, and by name. Pure, and the same for
 * the dispatcher, which picks by it, and for everybody who asks why a job still waits.
 */

/** A label of an agent that begins so repels every job that does not ask for what follows it. */
export const TAINT = 'taint:';

/** What a job asks for: labels with `*` for any characters; a leading `!` excludes. */
export type Requirement = (labels: ReadonlySet<string>) => boolean;

/** Labels that an agent offers: a taint is also the label that it is about. */
export const offeredLabels = (labels: readonly string[]): ReadonlySet<string> =>
  new Set([
    ...labels,
    ...labels.flatMap((label) => (label.startsWith(TAINT) ? [label.slice(TAINT.length)] : [])),
  ]);

/** The labels of the agent are those of `offeredLabels`. */
export function requirementOf(runsOn: readonly string[]): Requirement {
  const wanted = runsOn.filter((label) => !label.startsWith('!'));
  const unwanted = runsOn.filter((label) => label.startsWith('!')).map((label) => label.slice(1));
  // A pattern that says nothing asks for nothing: it is no word for a taint.
  const asked = wanted.filter((each) => !isMatch(each, ''));
  const asksFor = (label: string): boolean => asked.some((each) => isMatch(each, label));
  return (labels) => {
    if (!wanted.every((each) => hasMatch(each, labels))) return false;
    if (unwanted.some((each) => hasMatch(each, labels))) return false;
    for (const label of labels)
      if (label.startsWith(TAINT) && !asksFor(label) && !asksFor(label.slice(TAINT.length)))
        return false;
    return true;
  };
}

function hasMatch(pattern: string, labels: ReadonlySet<string>): boolean {
  if (!pattern.includes('*')) return labels.has(pattern);
  for (const label of labels) if (isMatch(pattern, label)) return true;
  return false;
}

/** In one pass and without a regular expression: no pattern can make it slow. */
export function isMatch(pattern: string, label: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  if (rest.length === 0) return first === label;
  if (!label.startsWith(first)) return false;
  const last = rest.pop() ?? '';
  let at = first.length;
  for (const part of rest) {
    const found = label.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return label.length - at >= last.length && label.endsWith(last);
}
