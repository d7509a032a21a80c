/**
 * What is stored already of what a job begins with: its workflow's source, and its dependencies for the host that it goes to. A
 * dispatch does not wait for storage that is slow or away: without it the agent clones and installs for itself.
 */
import type { ObjectEntry } from '@waybill/objects';
import { isOutage } from '@waybill/process';
import { cacheObject, depsKey, type RunCreated } from '@waybill/protocol';
import { limits } from '../domain/limits.ts';
import type { FrameMaking } from './offer-frame.ts';
import type { HostKind } from './registry.ts';

export type StoredInputs = Readonly<{
  sourceTarUrl?: string;
  sourceTarHash?: string;
  depsUrl?: string;
  depsHash?: string;
}>;

const none: StoredInputs = {};

export async function storedInputs(
  { objects, clock, log }: FrameMaking,
  run: RunCreated,
  jobConfig: unknown,
  { platform, arch }: HostKind,
): Promise<StoredInputs> {
  const contentHash = textIn(jobConfig, 'contentHash');
  const lockfileHash = textIn(jobConfig, 'lockfileHash');
  if (objects === undefined || (contentHash === undefined && lockfileHash === undefined))
    return none;
  const found = async (kind: 'source' | 'deps', key: string | undefined): Promise<Found> => {
    if (key === undefined) return undefined;
    const entry = await objects.find(cacheObject(run, kind, key));
    return entry && { entry, url: await objects.downloadUrl(entry) };
  };
  const look = async (): Promise<StoredInputs> => {
    const isKnownHost = platform !== undefined && arch !== undefined;
    const [source, deps] = await Promise.all([
      found('source', contentHash),
      found(
        'deps',
        lockfileHash && isKnownHost ? depsKey(lockfileHash, platform, arch) : undefined,
      ),
    ]);
    return {
      ...(source && contentHash ? { sourceTarUrl: source.url, sourceTarHash: contentHash } : {}),
      ...(deps && { depsUrl: deps.url, depsHash: deps.entry.sha256 }),
    };
  };
  const late = Promise.withResolvers<StoredInputs>();
  const timer = clock.after(limits.objectLookMs, () => late.resolve(none));
  try {
    const looked = look();
    // When it is late, nobody waits for how it ends.
    looked.catch(() => undefined);
    return await Promise.race([looked, late.promise]);
  } catch (error) {
    if (!isOutage(error)) throw error;
    log.warn({ runId: run.runId, err: error }, 'what is stored for a job was not found out');
    return none;
  } finally {
    timer.cancel();
  }
}

type Found = Readonly<{ entry: ObjectEntry; url: string }> | undefined;

function textIn(value: unknown, key: string): string | undefined {
  const member: unknown =
    typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
  return typeof member === 'string' && member !== '' ? member : undefined;
}
