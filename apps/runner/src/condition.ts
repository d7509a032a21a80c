/**
 * Conditions of steps: a language of its own with a handful of words, read before anything runs. Nothing of it is ever handed
 * to a shell or to JavaScript.
 *
 *   always()  success()  failure()  cancelled()  env.X  matrix.X  'text'  true  false  ==  !=  !  &&  ||  ( )
 */
export type Standing = 'success' | 'failure' | 'cancelled';

export type ConditionContext = Readonly<{
  standing: Standing;
  env: Readonly<Record<string, string>>;
  matrix: Readonly<Record<string, unknown>>;
}>;

export type Condition = Readonly<{ holds(context: ConditionContext): boolean }>;

export class ConditionError extends Error {
  override readonly name = 'ConditionError';
}

type Value = string | boolean;
type Node = (context: ConditionContext) => Value;
type Token = Readonly<{ kind: 'word' | 'text' | 'sign'; text: string }>;

const tokenPattern = /\s*(?:([A-Za-z_][\w.-]*)|'((?:[^']|'')*)'|(\(\)|==|!=|&&|\|\||[!()]))/y;
const standings: Readonly<Record<string, Standing | undefined>> = {
  success: 'success',
  failure: 'failure',
  cancelled: 'cancelled',
};
const depthMax = 64;

/** Without a word about the job's standing a condition is for a job that goes well, as no condition at all is. */
export function readCondition(text: string | undefined): Condition {
  if (text === undefined) return { holds: ({ standing }) => standing === 'success' };
  const tokens = tokensOf(text.trim().replace(/^\$\{\{(.*)\}\}$/s, '$1'));
  const node = parse(tokens);
  const asks = tokens.some(({ kind, text: word }, at) => {
    const called = tokens[at + 1]?.text === '()';
    return kind === 'word' && called && (word === 'always' || standings[word] !== undefined);
  });
  return {
    holds: (context) => (asks || context.standing === 'success') && isTrue(node(context)),
  };
}

function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  tokenPattern.lastIndex = 0;
  while (text.slice(tokenPattern.lastIndex).trim() !== '') {
    const at = tokenPattern.lastIndex;
    const found = tokenPattern.exec(text);
    if (!found) throw new ConditionError(`cannot be read from character ${at + 1} on`);
    const [, word, quoted, sign] = found;
    if (word !== undefined) tokens.push({ kind: 'word', text: word });
    else if (quoted !== undefined)
      tokens.push({ kind: 'text', text: quoted.replaceAll("''", "'") });
    else tokens.push({ kind: 'sign', text: sign ?? '' });
  }
  return tokens;
}

function parse(tokens: readonly Token[]): Node {
  let at = 0;
  let depth = 0;
  const isNext = (sign: string): boolean =>
    tokens[at]?.kind === 'sign' && tokens[at]?.text === sign;
  const take = (sign: string): boolean => {
    if (!isNext(sign)) return false;
    at += 1;
    return true;
  };
  const either = (): Node => {
    const nodes = [both()];
    while (take('||')) nodes.push(both());
    return nodes.length === 1 ? first(nodes) : (on) => nodes.some((node) => isTrue(node(on)));
  };
  const both = (): Node => {
    const nodes = [compared()];
    while (take('&&')) nodes.push(compared());
    return nodes.length === 1 ? first(nodes) : (on) => nodes.every((node) => isTrue(node(on)));
  };
  const compared = (): Node => {
    const left = single();
    const isEqual = take('==');
    if (!isEqual && !take('!=')) return left;
    const right = single();
    return (on) => (String(left(on)) === String(right(on))) === isEqual;
  };
  const single = (): Node => {
    depth += 1;
    if (depth > depthMax) throw new ConditionError('is nested too deeply');
    const node = value();
    depth -= 1;
    return node;
  };
  const value = (): Node => {
    if (take('!')) {
      const inner = single();
      return (on) => !isTrue(inner(on));
    }
    if (take('(')) {
      const inner = either();
      if (!take(')')) throw new ConditionError('lacks a closing parenthesis');
      return inner;
    }
    const token = tokens[at++];
    if (token === undefined) throw new ConditionError('ends where something has to follow');
    if (token.kind === 'text') return () => token.text;
    if (token.kind === 'word') return take('()') ? callOf(token.text) : nameOf(token.text);
    throw new ConditionError(`has "${token.text}" where a value has to be`);
  };
  const whole = either();
  const left = tokens[at];
  if (left !== undefined) throw new ConditionError(`has "${left.text}" where it has to end`);
  return whole;
}

const first = (nodes: readonly Node[]): Node => nodes[0] ?? (() => false);

function callOf(name: string): Node {
  if (name === 'always') return () => true;
  const standing = standings[name];
  if (standing === undefined) throw new ConditionError(`knows no function "${name}"`);
  return (context) => context.standing === standing;
}

function nameOf(name: string): Node {
  if (name === 'true' || name === 'false') return () => name === 'true';
  const [space, ...rest] = name.split('.');
  const key = rest.join('.');
  if (key !== '' && space === 'env') return ({ env }) => env[key] ?? '';
  if (key !== '' && space === 'matrix') return ({ matrix }) => textOf(matrix[key]);
  throw new ConditionError(`knows no value "${name}"`);
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

const isTrue = (value: Value): boolean => value === true || (value !== false && value !== '');
