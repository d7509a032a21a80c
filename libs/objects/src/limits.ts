/** Every bound of objects, once. Each is tested at the limit and one past it. */
import { isForkScope } from '@waybill/protocol';
import type { ObjectKind, ObjectName } from './object.ts';

const mib = 1_024 * 1_024;
const gib = 1_024 * mib;
const day = 86_400_000;

export const objectLimits = {
  /** One object, when nothing less is asked for. */
  objectBytes: 2 * gib,
  /** How long a URL works. */
  urlMs: 15 * 60_000,
  /** Behind the end of its URL an upload is still waited for so long before it is swept: longer than one may take. */
  graceMs: 45 * 60_000,
  /** A commit under way keeps its upload from being swept so long. */
  commitMs: 60 * 60_000,
  /** Uploads of one attempt for one name that are not settled. */
  uploadsOpen: 8,
  /** Uploads of one attempt that are not settled. */
  uploadsOpenAttempt: 64,
  /** Uploads of one organisation that are not settled. */
  uploadsOpenOrg: 5_000,
  /** What all of them together may still bring: bytes that were never committed lie on the disk of the log too. */
  uploadsOpenBytes: 64 * gib,
  /** Caches of one organisation; beyond it forks' go first, and of either the ones that were not used for longest. */
  cacheBytes: 5 * gib,
  /** Of these, all forks' together; beyond it they are evicted among themselves. */
  forkCacheBytes: gib,
  cacheTtlMs: 7 * day,
  /** Bundles of agents' logs are for looking at now. */
  bundleTtlMs: 7 * day,
  /** Artifacts and provenance of one organisation: never evicted, so that beyond it uploads are refused. */
  keptBytes: 50 * gib,
  /** `usedAt` is moved at most so often. */
  touchMs: 60_000,
  nameBytes: 1_024,
  scopeBytes: 4_096,
  labels: 32,
  labelBytes: 1_024,
} as const satisfies Readonly<Record<string, number>>;

export type ObjectLimits = Readonly<{ [Name in keyof typeof objectLimits]: number }>;

/** `cache` may be evicted, `kept` never is, `free` is counted for nobody. */
export type QuotaClass = 'cache' | 'kept' | 'free';

export const quotaClassOf: Readonly<Record<ObjectKind, QuotaClass>> = {
  source: 'cache',
  deps: 'cache',
  cache: 'cache',
  provenance: 'kept',
  artifact: 'kept',
  // An archive that is refused would be a run whose log is lost.
  log: 'free',
  bundle: 'free',
};

/** A stranger may make as many caches as it likes: they are counted by themselves too. */
export const isForkCache = ({ kind, scope }: Pick<ObjectName, 'kind' | 'scope'>): boolean =>
  quotaClassOf[kind] === 'cache' && isForkScope(scope);

/** Undefined for what stays until it is removed. */
export function ttlMsOf(kind: ObjectKind, limits: ObjectLimits): number | undefined {
  if (kind === 'bundle') return limits.bundleTtlMs;
  return quotaClassOf[kind] === 'cache' ? limits.cacheTtlMs : undefined;
}
