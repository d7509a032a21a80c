/** What an agent may emit, and the words for what it may not: a step throws with them. */
import { type Draft, emittedLimits, runDraft, type wire } from '@waybill/protocol';
import type { Custody } from './custody.ts';
import { metaOf } from './fact.ts';
import { limits } from './limits.ts';

export const refusals = {
  foreign: 'jobId is none that was ever offered to this agent',
  over: 'the attempt is over: nothing that it emits counts any more',
  chain: `the chain of runs that start each other is over: ${emittedLimits.chainDepthMax} at most`,
  often: `too many events of this name: ${limits.eventsPerWindowMax} a minute at most`,
  reused: 'this requestId was used for another event of this attempt',
  full: 'the log takes no events now: it is full',
  late: 'the event is not known to be stored in time: it may have been stored, or may still be',
  failed: 'the log does not take the event',
} as const;

/** Why it is not taken, whoever says it; undefined for what can be stored. */
export function emissionProblem({
  eventName,
  payload,
  target,
}: Pick<wire.EventEmit, 'eventName' | 'payload' | 'target'>): string | undefined {
  const { nameCharsMax, payloadBytesMax, payloadDepthMax, targetsMax } = emittedLimits;
  if (eventName.length > nameCharsMax || !NAME.test(eventName))
    return `eventName must have 1 to ${nameCharsMax} characters that can be printed`;
  if ((target?.repos?.length ?? 0) > targetsMax)
    return `target.repos names more than ${targetsMax} repositories`;
  if (!isFlat(payload, payloadDepthMax)) return `payload is nested deeper than ${payloadDepthMax}`;
  return payloadBytes(payload) > payloadBytesMax
    ? `payload has more than ${payloadBytesMax} bytes`
    : undefined;
}

const NAME = /^[^\p{Cc}\p{Cs}]+$/u;

export const payloadBytes = (payload: unknown): number =>
  new TextEncoder().encode(JSON.stringify(payload)).length;

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** Without recursion, which deep nesting would exhaust. */
function isFlat(value: object, depthMax: number): boolean {
  let level: readonly object[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth >= depthMax) return false;
    level = level.flatMap((each) => Object.values(each).filter(isObject));
  }
  return true;
}

/** What a repeat has in common with the first. */
export const emissionText = ({ eventName, payload, target }: wire.EventEmit): string =>
  JSON.stringify([eventName, payload, target ?? null]);

/** Once its trigger is stored. One a session: what is void on one may count on the next. */
export function emittedFact(
  { requestId, eventName, payload, target }: wire.EventEmit,
  triggerId: string,
  custody: Custody,
  session: number,
): Draft {
  const { org, runId } = custody;
  const meta = metaOf(`${org}:${runId}:emitted:${triggerId}:s${session}`, custody, session);
  const repos = target?.repos;
  const body = {
    requestId,
    eventName,
    triggerId,
    ...(repos === undefined ? {} : { target: { repos: [...repos] } }),
    payloadBytes: payloadBytes(payload),
  };
  return runDraft({ org, runId, type: 'event.emitted', meta, body });
}
