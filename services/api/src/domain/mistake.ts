/**
 * Every mistake of a parsed value, with its path as people write it: `jobs[1].steps[0].run`. Takes the issues of a schema as
 * plain data; a union's are those of the branch that was meant.
 */
import { checkNeeds } from '@waybill/protocol';
import type { Mistake } from './problems.ts';

export type Path = readonly PropertyKey[];
export type Issue = Readonly<{
  code: string;
  path: Path;
  message: string;
  keys?: readonly string[];
  errors?: readonly (readonly Issue[])[];
}>;
/** A mistake that is still at its path: a rule file turns that into a line. */
export type Placed = Readonly<{ path: Path; message: string; unknownKey: boolean }>;

export function placedOf(issues: readonly Issue[]): readonly Placed[] {
  return issues.flatMap((issue) => flat(issue, []));
}

function flat(issue: Issue, above: Path): readonly Placed[] {
  const path = [...above, ...issue.path];
  if (issue.code === 'unrecognized_keys' && issue.keys !== undefined)
    return issue.keys.map((key) => ({
      path: [...path, key],
      message: 'is not known here',
      unknownKey: true,
    }));
  if (issue.code === 'invalid_union' && issue.errors !== undefined) {
    // A branch that already refuses the kind of value was not the one that was meant.
    const meant = issue.errors.find((branch) =>
      branch.every((one) => one.path.length > 0 || one.code !== 'invalid_type'),
    );
    if (meant !== undefined) return meant.flatMap((one) => flat(one, path));
    const wanted = issue.errors
      .flat()
      .map((one) => one.message.replace(/^Invalid input: expected (\w+).*$/, '$1'));
    return [{ path, message: `expected ${[...new Set(wanted)].join(' or ')}`, unknownKey: false }];
  }
  return [{ path, message: plain(issue.message), unknownKey: false }];
}

const plain = (message: string): string =>
  message
    .replace(/^Invalid input: /, '')
    .replace(/^expected (.+), received undefined$/, 'is required: $1');

export const pathText = (path: Path): string =>
  path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    const name = String(key);
    if (!/^[A-Za-z_$][\w$-]*$/.test(name)) return `${text}[${JSON.stringify(name)}]`;
    return text === '' ? name : `${text}.${name}`;
  }, '');

export const mistakeOf = ({ path, message }: Placed): Mistake => ({
  path: pathText(path),
  message,
});

type Fields = Readonly<Record<string, unknown>>;
const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {}; // just checked to be an object

/**
 * What a schema does not get to once something else is wrong: jobs without steps, and needs that name nothing, or each other.
 * `base` is the path of `jobs`; what is known already is left out.
 */
export function jobMistakes(
  jobs: unknown,
  base: Path,
  known: readonly Placed[],
): readonly Placed[] {
  if (!Array.isArray(jobs)) return [];
  const list: readonly unknown[] = jobs;
  const stepless = list.flatMap((job, index): readonly Placed[] => {
    const { steps, config } = fieldsOf(job);
    if (steps !== undefined || config !== undefined) return [];
    const message = 'a job has steps, or a config that is passed to its agent as it stands';
    return [{ path: [...base, index, 'steps'], message, unknownKey: false }];
  });
  const named = list.map((job, index) => {
    const { name, needs } = fieldsOf(job);
    const needed = Array.isArray(needs)
      ? needs.map((need: unknown) => ({ job: nameOf(need) }))
      : [];
    // A job without a name is a mistake of its own, and must not become two of the same name.
    return {
      name: typeof name === 'string' ? name : `\0${index}`,
      needs: needed.filter(({ job }) => job !== ''),
    };
  });
  const entangled = checkNeeds(named).map(({ index, message }) => ({
    path: [...base, index],
    message,
    unknownKey: false,
  }));
  const has = ({ path, message }: Placed): boolean =>
    known.some((one) => one.message === message && pathText(one.path) === pathText(path));
  return [...stepless, ...entangled].filter((placed) => !has(placed));
}

const nameOf = (need: unknown): string => {
  const name = typeof need === 'string' ? need : fieldsOf(need)['job'];
  return typeof name === 'string' ? name : '';
};
