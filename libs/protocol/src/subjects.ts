/**
 * Every subject of the log, as builders and the parser that is their inverse (DESIGN: The log).
 * `wb.v1.<family>.<shard>.<org>.…`; the shard is two hex digits of a fixed hash of the org, so that a
 * partition is a filter. The names are a contract with every consumer outside: add, never rename.
 */

import { sha256Hex } from './hash.ts';
import { foreignToken, isToken } from './ids.ts';

const ROOT = 'wb.v1';
const shards = new Map<string, string>();

/** Two hex digits, 256 partitions; fixed for ever. */
export function shardOf(org: string): string {
  const known = shards.get(org);
  if (known !== undefined) return known;
  const shard = sha256Hex(org).slice(0, 2);
  if (shards.size < 10_000) shards.set(org, shard);
  return shard;
}

const at = (family: string, org: string): string => `${ROOT}.${family}.${shardOf(org)}.${org}`;

export type TriggerStep = 'received' | 'decided';

export const subjects = {
  trigger: (org: string, source: string, triggerId: string, step: TriggerStep): string =>
    `${at('trigger', org)}.${source}.${triggerId}.${step}`,
  /** Both steps of one trigger: the filter of `decided`'s expectation. */
  triggerFilter: (org: string, source: string, triggerId: string): string =>
    `${at('trigger', org)}.${source}.${triggerId}.>`,
  /** A trigger whose source is not known, as `GET …/runs/{runId}` before the run exists. */
  triggerAnySource: (org: string, triggerId: string): string =>
    `${at('trigger', org)}.*.${triggerId}.received`,
  /** `type` is `<entity>.<event>`, as `job.ack`. */
  run: (org: string, runId: string, type: string): string => `${at('run', org)}.${runId}.${type}`,
  /** Addressed to an agent: `event` is `offered` or `cancel`. */
  runTo: (org: string, runId: string, agentId: string, event: string): string =>
    `${at('run', org)}.${runId}.to.${foreignToken(agentId)}.${event}`,
  /** Everything of one run: the one filter of every decision about it (different filters do not exclude each other). */
  runFilter: (org: string, runId: string): string => `${at('run', org)}.${runId}.>`,
  runsOf: (org: string): string => `${at('run', org)}.>`,
  heartbeat: (org: string, runId: string, jobId: string): string =>
    `${at('heartbeat', org)}.${runId}.${jobId}`,
  log: (org: string, runId: string, jobId: string): string => `${at('log', org)}.${runId}.${jobId}`,
  logsOf: (org: string, runId: string): string => `${at('log', org)}.${runId}.*`,
  agentLog: (org: string, agentId: string): string =>
    `${at('agentlog', org)}.${foreignToken(agentId)}`,
  agent: (org: string, agentId: string, event: string): string =>
    `${at('agent', org)}.${foreignToken(agentId)}.${event}`,
  /** One kind of word about all agents of an org. */
  agentsEvent: (org: string, event: string): string => `${at('agent', org)}.*.${event}`,
  config: (org: string, kind: string, name: string): string =>
    `${ROOT}.config.${org}.${kind}.${name}`,
  gate: (org: string, kind: string, key: string): string => `${at('gate', org)}.${kind}.${key}`,
  dead: (org: string, origin: string): string => `${ROOT}.dead.${org}.${origin}`,
  /** In no stream: `type` is that of the message, as `job.status.forward`. */
  upstream: (org: string, runId: string, type: string): string =>
    `${at('upstream', org)}.${runId}.${type}`,
  upstreamOf: (org: string): string => `${at('upstream', org)}.>`,
} as const;

/** Filters over all orgs and shards, for services that read whole families. */
export const allSubjects = {
  triggers: `${ROOT}.trigger.>`,
  runs: `${ROOT}.run.>`,
  addressed: `${ROOT}.run.*.*.*.to.>`,
  runEvent: (type: string): string => `${ROOT}.run.*.*.*.${type}`,
  heartbeats: `${ROOT}.heartbeat.>`,
  logs: `${ROOT}.log.>`,
  agentLogs: `${ROOT}.agentlog.>`,
  agents: `${ROOT}.agent.>`,
  config: `${ROOT}.config.>`,
  gates: `${ROOT}.gate.>`,
  dead: `${ROOT}.dead.>`,
  live: `${ROOT}.live.>`,
  upstream: `${ROOT}.upstream.>`,
  /** Somebody has begun to tell: what was told before may have gaps. */
  upstreamBegun: `${ROOT}.upstream.begun`,
} as const;

export type ParsedSubject =
  | Readonly<{
      family: 'trigger';
      org: string;
      source: string;
      triggerId: string;
      step: TriggerStep;
    }>
  | Readonly<{ family: 'upstream'; org: string; runId: string; type: string }>
  | Readonly<{ family: 'run'; org: string; runId: string; type: string }>
  | Readonly<{ family: 'run-to'; org: string; runId: string; agentToken: string; event: string }>
  | Readonly<{ family: 'heartbeat' | 'log'; org: string; runId: string; jobId: string }>
  | Readonly<{ family: 'agentlog'; org: string; agentToken: string }>
  | Readonly<{ family: 'agent'; org: string; agentToken: string; event: string }>
  | Readonly<{ family: 'config'; org: string; kind: string; name: string }>
  | Readonly<{ family: 'gate'; org: string; kind: string; key: string }>
  | Readonly<{ family: 'dead'; org: string; origin: string }>;

/** The inverse of every builder above (filters apart); undefined for a subject that none of them makes. */
export function parseSubject(subject: string): ParsedSubject | undefined {
  const [wb, v1, family, ...rest] = subject.split('.');
  if (`${wb}.${v1}` !== ROOT || family === undefined || !rest.every(isToken)) return undefined;
  const [first, second, ...tail] = rest;
  if (first === undefined || second === undefined) return undefined;
  const unsharded = unshardedParsers.get(family);
  if (unsharded !== undefined) return unsharded(first, [second, ...tail]);
  return first === shardOf(second) ? shardedParsers.get(family)?.(second, tail) : undefined;
}

/** Reads the tokens behind the org. */
type Parser = (org: string, tail: readonly string[]) => ParsedSubject | undefined;

const one =
  (make: (org: string, token: string) => ParsedSubject): Parser =>
  (org, [token, ...more]) =>
    token === undefined || more.length > 0 ? undefined : make(org, token);

const two =
  (make: (org: string, first: string, second: string) => ParsedSubject): Parser =>
  (org, [first, second, ...more]) =>
    first === undefined || second === undefined || more.length > 0
      ? undefined
      : make(org, first, second);

const trigger: Parser = (org, [source, triggerId, step, ...more]) => {
  if (source === undefined || triggerId === undefined || more.length > 0) return undefined;
  if (step !== 'received' && step !== 'decided') return undefined;
  return { family: 'trigger', org, source, triggerId, step };
};

const run: Parser = (org, [runId, entity, ...tail]) => {
  if (runId === undefined || entity === undefined) return undefined;
  const addressed = two((_, agentToken, event) => ({
    family: 'run-to',
    org,
    runId,
    agentToken,
    event,
  }));
  const plain = one((_, event) => ({ family: 'run', org, runId, type: `${entity}.${event}` }));
  return (entity === 'to' ? addressed : plain)(org, tail);
};

const upstream: Parser = (org, [runId, ...type]) =>
  runId === undefined || type.length === 0
    ? undefined
    : { family: 'upstream', org, runId, type: type.join('.') };

const unshardedParsers: ReadonlyMap<string, Parser> = new Map([
  ['config', two((org, kind, name) => ({ family: 'config', org, kind, name }))],
  ['dead', one((org, origin) => ({ family: 'dead', org, origin }))],
]);

const shardedParsers: ReadonlyMap<string, Parser> = new Map([
  ['trigger', trigger],
  ['run', run],
  ['upstream', upstream],
  ['heartbeat', two((org, runId, jobId) => ({ family: 'heartbeat', org, runId, jobId }))],
  ['log', two((org, runId, jobId) => ({ family: 'log', org, runId, jobId }))],
  ['agentlog', one((org, agentToken) => ({ family: 'agentlog', org, agentToken }))],
  ['agent', two((org, agentToken, event) => ({ family: 'agent', org, agentToken, event }))],
  ['gate', two((org, kind, key) => ({ family: 'gate', org, kind, key }))],
]);
