/**
 * What is kept of a frame that may say more than it should: agents that exist list their whole environment, their own token in
 * clear included. Nothing that this process knows as a secret, and no value of an environment, is stored.
 */
import { isSecretKey, maskSecrets, redacted } from '@waybill/process';
import type { JobFrame } from '../domain/fact.ts';

type Remark = Extract<JobFrame, { type: 'run.event' | 'job.context' }>;

const DEPTH_MAX = 32;
/** Names of members that hold an environment, in whatever form: `env`, `envVars`, `jobEnv`, `environmentVariables`. */
const ENVIRONMENT = /env(?:iron(?:ment)?)?(?:s|vars?|variables?|list)?$/;
/** Of a list of variables: what only names one. */
const NAMES: ReadonlySet<string> = new Set(['name', 'key']);

export function remarkBody(message: Remark): string {
  const { type, runId, jobId } = message;
  return JSON.stringify({ ...(clean(message, 0) as object), type, runId, jobId }); // a frame is an object
}

function clean(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return maskSecrets(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= DEPTH_MAX) return redacted;
  if (Array.isArray(value)) return value.map((each) => clean(each, depth + 1));
  return fromMembers(value, (key, member) => {
    if (isEnvironment(key)) return withoutValues(member, depth + 1);
    return isSecretKey(key) && holdsText(member) ? redacted : clean(member, depth + 1);
  });
}

const isEnvironment = (key: string): boolean =>
  ENVIRONMENT.test(key.toLowerCase().replaceAll(/[-_\s]/g, ''));

/** Whether it may be a secret at all; how many there are of something is none. */
const holdsText = (value: unknown): boolean =>
  typeof value === 'string' || (typeof value === 'object' && value !== null);

/** Names stay: they tell what was set, and not to what. */
function withoutValues(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null || depth >= DEPTH_MAX) return redacted;
  if (!Array.isArray(value)) return fromMembers(value, () => redacted);
  return value.map((each: unknown) => {
    if (typeof each === 'string') return nameOnly(each);
    if (typeof each !== 'object' || each === null) return redacted;
    return fromMembers(each, (key, member) =>
      NAMES.has(key) && typeof member === 'string' ? maskSecrets(member) : redacted,
    );
  });
}

/** Of `NAME=value`. */
function nameOnly(text: string): string {
  const [, name] = /^([A-Za-z_][A-Za-z0-9_]{0,255})=/.exec(text) ?? [];
  return name === undefined ? redacted : `${name}=${redacted}`;
}

const fromMembers = (
  value: object,
  mapping: (key: string, member: unknown) => unknown,
): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(value).map(([key, member]: [string, unknown]) => [
      maskSecrets(key),
      mapping(key, member),
    ]),
  );
